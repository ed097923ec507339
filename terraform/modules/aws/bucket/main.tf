# One private bucket: sealed, versioned, reached over TLS alone.

data "aws_partition" "current" {}

locals {
  arn = "arn:${data.aws_partition.current.partition}:s3:::${var.name}"
}

# Access logs are a variable; the log bucket itself cannot log into itself.
#trivy:ignore:AWS-0089
resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:Copying to another region is a variable of the module above, for the buckets that need it.
  #checkov:skip=CKV_AWS_18:Access logs are a variable; the log bucket itself cannot log into itself.
  #checkov:skip=CKV2_AWS_62:Telling of new objects is a variable of the module above, for the documents.
  bucket              = var.name
  force_destroy       = var.force_destroy
  object_lock_enabled = var.has_object_lock
  tags                = var.tags
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "this" {
  # A policy without statements is none.
  count  = var.is_tls_only || length(var.statements) > 0 ? 1 : 0
  bucket = aws_s3_bucket.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([for _ in var.is_tls_only ? [1] : [] : {
      Sid       = "OverTlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.arn, "${local.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }], var.statements)
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}

# A link is signed for one method, one key and a few minutes; this only lets pages use it.
resource "aws_s3_bucket_cors_configuration" "this" {
  count  = length(var.cors_origins) == 0 ? 0 : 1
  bucket = aws_s3_bucket.this.id

  cors_rule {
    allowed_origins = var.cors_origins
    allowed_methods = ["GET", "PUT"]
    allowed_headers = ["content-type", "x-amz-checksum-*", "x-amz-sdk-checksum-algorithm"]
    expose_headers  = ["ETag", "x-amz-checksum-sha256", "x-amz-version-id"]
    max_age_seconds = 3000
  }
}

resource "aws_s3_bucket_logging" "this" {
  count = var.log_bucket == null ? 0 : 1

  bucket        = aws_s3_bucket.this.id
  target_bucket = var.log_bucket.name
  target_prefix = "${var.name}/"
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  #checkov:skip=CKV_AWS_300:The first rule ends them, for all objects: an empty filter is not understood by the check.
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "uploads-that-never-ended"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # S3 deletes no version that is under a legal hold or a retention time.
  rule {
    id     = "old-versions"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }
  }

  dynamic "rule" {
    for_each = var.archive_days == null ? [] : [var.archive_days]
    content {
      id     = "cheaper-storage"
      status = "Enabled"
      filter {}

      transition {
        days          = rule.value
        storage_class = "STANDARD_IA"
      }
    }
  }

  dynamic "rule" {
    for_each = var.expire_days == null ? [] : [var.expire_days]
    content {
      id     = "expiry"
      status = "Enabled"

      # A filter cannot say "all but": so what may be deleted is marked, never what must stay.
      filter {
        dynamic "tag" {
          for_each = var.expire_tag == null ? [] : [var.expire_tag]
          content {
            key   = tag.value.key
            value = tag.value.value
          }
        }
      }

      expiration {
        days = rule.value
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}
