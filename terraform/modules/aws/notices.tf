# News of documents: each new object of their bucket is told to a queue.

locals {
  announced = var.buckets.are_documents_announced ? toset(["documents"]) : toset([])
}

resource "aws_sqs_queue" "unread_news" {
  for_each = local.announced

  name                              = "${local.prefix}-new-${each.key}-dead"
  message_retention_seconds         = var.queues.retention_days * 86400
  kms_master_key_id                 = aws_kms_key.main.arn
  kms_data_key_reuse_period_seconds = 3600
  tags                              = local.tags
}

resource "aws_sqs_queue" "news" {
  for_each = local.announced

  name                              = "${local.prefix}-new-${each.key}"
  visibility_timeout_seconds        = 180
  message_retention_seconds         = var.queues.retention_days * 86400
  receive_wait_time_seconds         = 20
  kms_master_key_id                 = aws_kms_key.main.arn
  kms_data_key_reuse_period_seconds = 3600
  tags                              = local.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.unread_news[each.key].arn
    maxReceiveCount     = var.queues.max_receive_count
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "unread_news" {
  for_each = local.announced

  queue_url = aws_sqs_queue.unread_news[each.key].url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.news[each.key].arn]
  })
}

# Source: Amazon S3 user guide, "Granting permissions to publish event notification messages to a destination".
resource "aws_sqs_queue_policy" "news" {
  for_each = local.announced

  queue_url = aws_sqs_queue.news[each.key].url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid       = "ItsBucket"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.news[each.key].arn
      Condition = {
        ArnEquals    = { "aws:SourceArn" = module.bucket[each.key].arn }
        StringEquals = { "aws:SourceAccount" = local.account }
      }
      }], [for _ in var.is_tls_only ? [1] : [] : {
      Sid       = "OverTlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = aws_sqs_queue.news[each.key].arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }])
  })
}

resource "aws_sqs_queue_policy" "unread_news" {
  for_each = var.is_tls_only ? local.announced : toset([])

  queue_url = aws_sqs_queue.unread_news[each.key].url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OverTlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = aws_sqs_queue.unread_news[each.key].arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_s3_bucket_notification" "news" {
  for_each = local.announced

  bucket = module.bucket[each.key].name

  queue {
    id            = "new-${each.key}"
    queue_arn     = aws_sqs_queue.news[each.key].arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "${each.key}/"
  }

  # S3 sends a message to try the queue out when it is told of it.
  depends_on = [aws_sqs_queue_policy.news, aws_kms_key.main]
}
