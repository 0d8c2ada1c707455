"""Local: what a laptop has instead of AWS.

In:    the sample application's handlers, requests to it, a SAM template.
Out:   log events, traces and messages as AWS would deliver them; an OpenSearch, embedded or real.
Touch: loopback addresses and processes of this computer. It never enters Lambda.
Order: *_lines make log lines; lambda_service runs functions, each in a function_environment; api_gateway_* and sns_sqs call them; xray
       and opensearch store what they write; demo and deploy_demo run it all.
"""
