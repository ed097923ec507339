# Documents, copied to another region.

locals {
  has_replica = var.replica_region != null
}

data "aws_region" "replica" {
  count    = local.has_replica ? 1 : 0
  provider = aws.replica
}

resource "aws_kms_key" "replica" {
  count    = local.has_replica ? 1 : 0
  provider = aws.replica

  description             = "Seals the copies of ${local.prefix}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TheAccountDecides"
      Effect    = "Allow"
      Principal = { AWS = local.account_root }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })

  lifecycle {
    precondition {
      condition     = data.aws_region.replica[0].name == var.replica_region && var.replica_region != local.region
      error_message = "The provider `aws.replica` must be set to `replica_region`, which must be another region."
    }
  }
}

module "replica_bucket" {
  source    = "./bucket"
  count     = local.has_replica ? 1 : 0
  providers = { aws = aws.replica }

  name            = "${local.prefix}-copies-${local.account}"
  kms_key_arn     = aws_kms_key.replica[0].arn
  noncurrent_days = 365
  has_object_lock = true
  force_destroy   = !var.is_protected
  is_tls_only     = var.is_tls_only
  tags            = local.tags
}

resource "aws_iam_role" "replica" {
  count = local.has_replica ? 1 : 0

  name        = "${local.prefix}-replica"
  description = "Lets S3 copy documents to ${var.replica_region}"
  tags        = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "s3.amazonaws.com" }
      Condition = local.from_here
    }]
  })
}

resource "aws_iam_role_policy" "replica" {
  count = local.has_replica ? 1 : 0

  name = "copy"
  role = aws_iam_role.replica[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
        Resource = [module.bucket["documents"].arn]
      },
      {
        Effect = "Allow"
        Action = [
          "s3:GetObjectLegalHold", "s3:GetObjectRetention", "s3:GetObjectVersionAcl",
          "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging",
        ]
        Resource = ["${module.bucket["documents"].arn}/*"]
      },
      {
        Effect   = "Allow"
        Action   = ["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"]
        Resource = ["${module.replica_bucket[0].arn}/*"]
      },
      {
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = [aws_kms_key.main.arn]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.${local.suffix}" } }
      },
      {
        Effect    = "Allow"
        Action    = ["kms:Encrypt", "kms:GenerateDataKey"]
        Resource  = [aws_kms_key.replica[0].arn]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${var.replica_region}.${local.suffix}" } }
      },
    ]
  })
}

resource "aws_s3_bucket_replication_configuration" "documents" {
  count = local.has_replica ? 1 : 0

  bucket = module.bucket["documents"].name
  role   = aws_iam_role.replica[0].arn

  rule {
    id     = "documents"
    status = "Enabled"
    filter {}

    delete_marker_replication {
      status = "Enabled"
    }

    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }

    destination {
      bucket        = module.replica_bucket[0].arn
      storage_class = "STANDARD_IA"

      encryption_configuration {
        replica_kms_key_id = aws_kms_key.replica[0].arn
      }

      # Within fifteen minutes, and measured.
      replication_time {
        status = "Enabled"
        time {
          minutes = 15
        }
      }

      metrics {
        status = "Enabled"
        event_threshold {
          minutes = 15
        }
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "replica_behind" {
  count = var.has_alarms && local.has_replica ? 1 : 0

  alarm_name          = "${local.prefix}-copies-behind"
  alarm_description   = "Documents reach the other region later than after 15 minutes. Runbook: docs/runbooks/copies-behind.md"
  namespace           = "AWS/S3"
  metric_name         = "ReplicationLatency"
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 3
  threshold           = 900
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
  tags                = local.tags

  dimensions = {
    SourceBucket      = module.bucket["documents"].name
    DestinationBucket = module.replica_bucket[0].name
    RuleId            = "documents"
  }
}
