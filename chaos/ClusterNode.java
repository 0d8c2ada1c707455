import java.util.List;
import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One node of a cluster of several: the runner's own command line makes a lone node a cluster of one. Java runs this file as it stands. */
public class ClusterNode {
    /** Arguments: folder of its data, base of its HTTP port, name, transport port, seed hosts, names of the first managers. */
    public static void main(String[] arguments) throws InterruptedException {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> {
            settings.put("node.name", arguments[2]);
            settings.put("discovery.type", "zen");
            settings.put("transport.port", arguments[3]);
            settings.putList("discovery.seed_hosts", List.of(arguments[4].split(",")));
            settings.putList("cluster.initial_cluster_manager_nodes", List.of(arguments[5].split(",")));
        });
        runner.build(OpenSearchRunner.newConfigs().basePath(arguments[0]).baseHttpPort(Integer.parseInt(arguments[1])).numOfNode(1)
                .clusterName("tracejoin").disableESLogger());
        Thread.currentThread().join();
    }
}
