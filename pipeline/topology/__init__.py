"""Topology: stored spans become the documents of OpenSearch's own service maps, which its stock Dashboards draw.

In:    the spans of a time; what is stored of their map.
Out:   a document for each connection and period (the APM's), and one for each relationship (Trace Analytics').
Touch: OpenSearch through `store`. May import `search.service_map`, `search.service_calls`, `store`, `detect`, `model`, `errors`.
Order: periods finds what changed, connections finds them in spans, map_documents writes them down, map_upkeep stores the difference.
"""
