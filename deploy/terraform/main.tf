# tracejoin's stack, out of the files that `make release` makes: CloudFormation stays the one description of what it consists of.

locals {
  package  = one(fileset(var.dist, "tracejoin-*-lambda-${var.architecture}.zip"))
  template = "${var.dist}/template.yaml"
  folder   = trim(var.folder, "/")
}

data "aws_s3_bucket" "code" {
  bucket = var.bucket
}

# other content has another key, so that a new package updates the functions
resource "aws_s3_object" "package" {
  bucket      = data.aws_s3_bucket.code.id
  key         = "${local.folder}/${filesha256("${var.dist}/${local.package}")}/${local.package}"
  source      = "${var.dist}/${local.package}"
  source_hash = filebase64sha256("${var.dist}/${local.package}")
}

resource "aws_s3_object" "template" {
  bucket       = data.aws_s3_bucket.code.id
  key          = "${local.folder}/${filesha256(local.template)}/template.yaml"
  source       = local.template
  source_hash  = filebase64sha256(local.template)
  content_type = "application/yaml"
}

resource "aws_cloudformation_stack" "tracejoin" {
  # checkov:skip=CKV_AWS_124:whom to tell is the user's choice, notification_arns
  name         = var.name
  template_url = "https://${data.aws_s3_bucket.code.bucket_regional_domain_name}/${aws_s3_object.template.key}"
  capabilities = ["CAPABILITY_IAM"]
  tags         = var.tags

  notification_arns = var.notification_arns

  parameters = merge(var.parameters, {
    Architecture = var.architecture
    CodeBucket   = data.aws_s3_bucket.code.id
    CodeKey      = aws_s3_object.package.key
  })
}
