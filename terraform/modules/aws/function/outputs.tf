# What the rest of the deployment needs of one function.

output "name" {
  description = "Name of the function in AWS."
  value       = aws_lambda_function.this.function_name
}

output "alias_name" {
  description = "Name of the alias that is called."
  value       = aws_lambda_alias.live.name
}

output "alias_arn" {
  description = "ARN of the alias that is called."
  value       = aws_lambda_alias.live.arn
}

output "invoke_arn" {
  description = "What an API calls the alias by."
  value       = aws_lambda_alias.live.invoke_arn
}

output "version" {
  description = "The newest version."
  value       = aws_lambda_function.this.version
}

output "live_version" {
  description = "The version that is called."
  value       = aws_lambda_alias.live.function_version
}

output "role_arn" {
  description = "ARN of its role."
  value       = aws_iam_role.this.arn
}

output "policy" {
  description = "What its role may do, as JSON."
  value       = aws_iam_role_policy.this.policy
}

output "log_group_name" {
  description = "Name of its log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "timeout_s" {
  description = "How long one invocation may take, in seconds."
  value       = aws_lambda_function.this.timeout
}

output "role_name" {
  description = "Name of its role."
  value       = aws_iam_role.this.name
}

output "reserved_concurrency" {
  description = "How many may run at once; -1 for no limit of its own."
  value       = aws_lambda_function.this.reserved_concurrent_executions
}
