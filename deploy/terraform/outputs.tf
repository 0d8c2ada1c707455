output "stack" {
  description = "All outputs of the stack, by their names in template.yaml, such as Endpoint, AlertTopicArn and ShipFunctionArn"
  value       = aws_cloudformation_stack.tracejoin.outputs
}
