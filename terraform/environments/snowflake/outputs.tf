# What a person needs after `terraform apply`.

output "snowflake" {
  description = "Everything that the module tells: the connection's settings and address, roles, schema, warehouses, and whom the role in AWS trusts."
  value       = module.snowflake
}

output "role_arn" {
  description = "The role in AWS that Snowflake takes on to read the lake."
  value       = aws_iam_role.snowflake.arn
}
