# A warehouse over the lake of one deployment: the objects in Snowflake, and the role in AWS that lets it read.
# It has a state of its own: who may change Snowflake is seldom who may change the deployment.

provider "aws" {
  region = var.region
  # Another account is refused, so that nobody applies this to the wrong one.
  allowed_account_ids = [var.account_id]
}

# How it signs in stands in the environment (SNOWFLAKE_USER, SNOWFLAKE_AUTHENTICATOR, SNOWFLAKE_PRIVATE_KEY),
# never here.
provider "snowflake" {
  organization_name = var.snowflake.organization
  account_name      = var.snowflake.account
  role              = var.snowflake.role
}

locals {
  role_name = "moodbridge-${var.environment}-snowflake"
  # The role trusts what Snowflake tells of the integration, and the integration names the role: the name
  # is known before either is there.
  role_arn = "arn:${data.aws_partition.here.partition}:iam::${var.account_id}:role/${local.role_name}"
}

data "aws_partition" "here" {}

module "snowflake" {
  source = "../../modules/snowflake"

  environment = upper(var.environment)
  account     = "${var.snowflake.organization}-${var.snowflake.account}"

  files        = { url = "s3://${var.lake.bucket}/", aws_role_arn = local.role_arn }
  loader       = var.loader
  loading      = var.loading
  reading      = var.reading
  reader_roles = var.reader_roles
  budget       = var.budget
  tags         = var.tags
}

resource "aws_iam_role" "snowflake" {
  name                 = local.role_name
  description          = "Snowflake reads the files of the lake"
  max_session_duration = 3600
  tags                 = { application = "moodbridge", environment = var.environment }

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = module.snowflake.aws_trust.iam_user_arn }
      Action    = "sts:AssumeRole"
      # Snowflake's user is shared by all its customers in a region: the id tells ours from theirs.
      Condition = { StringEquals = { "sts:ExternalId" = module.snowflake.aws_trust.external_id } }
    }]
  })
}

resource "aws_iam_role_policy" "lake" {
  name = "read-the-lake"
  role = aws_iam_role.snowflake.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = "arn:${data.aws_partition.here.partition}:s3:::${var.lake.bucket}/${var.lake.folder}*"
      },
      {
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = "arn:${data.aws_partition.here.partition}:s3:::${var.lake.bucket}"
        Condition = { StringLike = { "s3:prefix" = "${var.lake.folder}*" } }
      },
      {
        Effect   = "Allow"
        Action   = "s3:GetBucketLocation"
        Resource = "arn:${data.aws_partition.here.partition}:s3:::${var.lake.bucket}"
      },
      {
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = var.lake.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
      },
    ]
  })
}
