variable "bucket" {
  description = "The name of an S3 bucket of yours, in the region of the stack, for the package and the template"
  type        = string
}

variable "dist" {
  description = "The folder with the files of a version, as `make release` makes them"
  type        = string
}

variable "name" {
  description = "The name of the stack"
  type        = string
  default     = "tracejoin"
}

variable "folder" {
  description = "The first part of the keys in the bucket"
  type        = string
  default     = "tracejoin"
}

variable "architecture" {
  description = "Lambda's processor"
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 or x86_64."
  }
}

variable "parameters" {
  description = "The parameters of the stack, by their names in template.yaml, such as OpenSearch and OpenSearchEndpoint"
  type        = map(string)
  default     = {}
  # a password may be among them
  sensitive = true

  validation {
    condition     = length(setintersection(keys(var.parameters), ["Architecture", "CodeBucket", "CodeKey"])) == 0
    error_message = "Architecture, CodeBucket and CodeKey follow from the other variables."
  }
}

variable "tags" {
  description = "The tags of the stack, which CloudFormation hands on to its resources"
  type        = map(string)
  default     = {}
}

variable "notification_arns" {
  description = "The SNS topics that are told of each event of the stack"
  type        = list(string)
  default     = []
}
