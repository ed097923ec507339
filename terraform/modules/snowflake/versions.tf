# The versions that this module is proven with.

terraform {
  required_version = ">= 1.9.0"

  required_providers {
    snowflake = {
      source = "snowflakedb/snowflake"
      # From 2.22 on, none of the resources here is a preview that must be switched on.
      version = "~> 2.22"
    }
  }
}
