# What a person needs after `terraform apply`.

locals {
  api_base     = var.api.domain_name == null ? aws_apigatewayv2_api.main.api_endpoint : "https://${var.api.domain_name}"
  webhook_base = var.has_webhook_url ? trimsuffix(aws_lambda_function_url.webhooks[0].function_url, "/") : local.api_base
}

output "api_url" {
  description = "Base address of the API."
  value       = local.api_base
}

output "webhook_url" {
  description = "Base address of webhooks: Salesforce sends to WEBHOOK_URL/hooks/salesforce/outbound/CONNECTION/TOKEN."
  value       = local.webhook_base
}

output "api_id" {
  description = "Id of the API."
  value       = aws_apigatewayv2_api.main.id
}

output "dashboard_url" {
  description = "Address of the dashboard: the redirect address to register at the issuer."
  value       = !var.has_dashboard ? null : var.dashboard.domain_name == null ? "https://${aws_cloudfront_distribution.dashboard[0].domain_name}/" : "https://${var.dashboard.domain_name}/"
}

output "dashboard_distribution_id" {
  description = "Distribution to invalidate after the dashboard was copied anew."
  value       = one(aws_cloudfront_distribution.dashboard[*].id)
}

output "buckets" {
  description = "Names of the buckets, by what they hold."
  value       = { for name, it in module.bucket : name => it.name }
}

output "queues" {
  description = "Addresses of the queues, as `EVENTS_QUEUE` takes them."
  value       = local.queue_addresses
}

output "topics" {
  description = "ARNs of the topics that functions tell, by name: subscribe to them."
  value       = { for name, it in aws_sns_topic.news : name => it.arn }
}

output "queue_urls" {
  description = "URLs of the queues."
  value       = { for name, it in aws_sqs_queue.main : name => it.url }
}

output "dead_letter_queues" {
  description = "URLs of the queues of dead letters."
  value       = { for name, it in aws_sqs_queue.dead : name => it.url }
}

output "news_queue_urls" {
  description = "URLs of the queues that S3 tells of new objects, by what the bucket holds."
  value       = { for name, it in aws_sqs_queue.news : name => it.url }
}

output "ledger" {
  description = "Address of the ledger, as `LEDGER` takes it."
  value       = "dynamodb:${aws_dynamodb_table.ledger.name}"
}

output "case_store" {
  description = "Address of the case store, as `CASE_STORE` takes it: it names the secret with the password."
  value       = local.case_store
}

output "secrets" {
  description = "Secrets whose values are to be put in, by their short names."
  value       = { for name, it in aws_secretsmanager_secret.named : name => it.name }
}

output "functions" {
  description = "Each function: its name in AWS, the version that is called, its log group."
  value = {
    for name, it in module.function :
    name => { name = it.name, live_version = it.live_version, newest_version = it.version, log_group = it.log_group_name, role = it.role_arn }
  }
}

output "alerts_topic_arn" {
  description = "Topic that alarms go to, for further subscriptions."
  value       = aws_sns_topic.alerts.arn
}

output "kms_key_arn" {
  description = "Key that everything is sealed with. Secrets that functions read must be sealed with it, or with AWS's own."
  value       = aws_kms_key.main.arn
}

output "protected" {
  description = "What refuses to be destroyed."
  value = {
    tables   = alltrue([aws_dynamodb_table.ledger.deletion_protection_enabled, aws_dynamodb_table.claims.deletion_protection_enabled])
    database = !local.has_database ? null : aws_rds_cluster.main[0].deletion_protection
    buckets  = alltrue([for it in module.bucket : !it.force_destroy])
  }
}
