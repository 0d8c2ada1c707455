"""Local: what a laptop has instead of AWS.

In:    the sample application's handlers, requests to it, a SAM template.
Out:   log events, traces and messages as AWS would deliver them; an OpenSearch, embedded or real.
Touch: loopback addresses and processes of this computer. It never enters Lambda.
Order: lambda_runtime and lambda_service run functions; api_gateway_* and sns_sqs call them; xray and opensearch keep what comes; demo and
       deploy_demo show it.
"""
