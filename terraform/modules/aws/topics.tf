# What functions tell whoever listens: each topic that their metadata names.

resource "aws_sns_topic" "news" {
  for_each = local.topic_names

  name              = "${local.prefix}-${each.key}"
  kms_master_key_id = aws_kms_key.main.arn
  tags              = local.tags
}

resource "aws_sns_topic_policy" "news" {
  for_each = var.is_tls_only ? local.topic_names : toset([])

  arn = aws_sns_topic.news[each.key].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "ThisAccountDecides"
        Effect    = "Allow"
        Principal = { AWS = local.account_root }
        Action    = ["sns:GetTopicAttributes", "sns:Publish", "sns:Subscribe"]
        Resource  = aws_sns_topic.news[each.key].arn
      },
      {
        Sid       = "OverTlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.news[each.key].arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}
