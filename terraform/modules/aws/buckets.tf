# What is kept as files. Nothing of it is public.

locals {
  kept = {
    # S3 cannot except what is held: so only what somebody marked may expire. Besides, a version can be
    # put under a legal hold, which no rule and no person deletes.
    documents = {
      expire_days = var.buckets.documents_days, archive_days = 90, noncurrent_days = 365,
      expire_tag  = { key = "may-expire", value = "yes" }, has_object_lock = true
    }
    reports = {
      expire_days = var.buckets.reports_days, archive_days = null, noncurrent_days = 30,
      expire_tag  = null, has_object_lock = false
    }
    lake = {
      expire_days = var.buckets.lake_days, archive_days = 90, noncurrent_days = 30,
      expire_tag  = null, has_object_lock = false
    }
    # Definitions of pipelines, and the files that they read and write.
    pipelines = {
      expire_days = null, archive_days = null, noncurrent_days = 30,
      expire_tag  = null, has_object_lock = false
    }
    # Bodies that are too long for a message. A message lies in its queue and then among the dead letters,
    # each time for as long as the queue keeps it: only then nobody can ask for its body any more.
    messages = {
      expire_days = 2 * var.queues.retention_days + 1, archive_days = null, noncurrent_days = 1,
      expire_tag  = null, has_object_lock = false
    }
    artefacts = {
      expire_days = null, archive_days = null, noncurrent_days = 365,
      expire_tag  = null, has_object_lock = false
    }
    dashboard = {
      expire_days = null, archive_days = null, noncurrent_days = 30,
      expire_tag  = null, has_object_lock = false
    }
  }

  log_bucket = "${local.prefix}-logs-${local.account}"
}

module "bucket" {
  source   = "./bucket"
  for_each = local.kept

  name            = "${local.prefix}-${each.key}-${local.account}"
  kms_key_arn     = aws_kms_key.main.arn
  expire_days     = each.value.expire_days
  expire_tag      = each.value.expire_tag
  archive_days    = each.value.archive_days
  noncurrent_days = each.value.noncurrent_days
  has_object_lock = each.value.has_object_lock
  force_destroy   = !var.is_protected
  is_tls_only     = var.is_tls_only
  log_bucket      = var.buckets.have_logs ? { name = module.log_bucket[0].name } : null
  statements      = each.key == "dashboard" ? local.dashboard_statements : []
  cors_origins    = each.key == "documents" ? var.buckets.cors_origins : []
  tags            = local.tags
}

# S3 writes access logs only where its own keys seal.
module "log_bucket" {
  source = "./bucket"
  count  = var.buckets.have_logs ? 1 : 0

  name            = local.log_bucket
  kms_key_arn     = null
  expire_days     = var.log_retention_days
  noncurrent_days = 30
  force_destroy   = !var.is_protected
  is_tls_only     = var.is_tls_only
  tags            = local.tags
  statements = [{
    Sid       = "AccessLogsOfThisAccount"
    Effect    = "Allow"
    Principal = { Service = "logging.s3.amazonaws.com" }
    Action    = "s3:PutObject"
    Resource  = "arn:${local.partition}:s3:::${local.log_bucket}/*"
    Condition = {
      StringEquals = { "aws:SourceAccount" = local.account }
      ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:s3:::${local.prefix}-*" }
    }
  }]
}
