# What the rest of the deployment needs of one bucket.

output "name" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.id
}

output "arn" {
  description = "ARN of the bucket."
  value       = local.arn
}

output "domain_name" {
  description = "Regional domain name, for a distribution in front."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}

output "policy" {
  description = "Its policy, as JSON."
  value       = one(aws_s3_bucket_policy.this[*].policy)
}

output "lifecycle_rules" {
  description = "Its lifecycle rules: what they are for, and what they delete when."
  value = [
    for it in aws_s3_bucket_lifecycle_configuration.this.rule :
    { id = it.id, filter = it.filter, expiration = it.expiration }
  ]
}

output "force_destroy" {
  description = "Whether it may be destroyed with what it holds."
  value       = aws_s3_bucket.this.force_destroy
}

output "has_object_lock" {
  description = "Whether single versions can be put under a legal hold."
  value       = aws_s3_bucket.this.object_lock_enabled
}
