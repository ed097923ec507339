# The versions that this module is proven with.

terraform {
  required_version = ">= 1.9.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
      # `us_east_1`: where CloudFront's firewall must live. `replica`: where buckets are copied to.
      configuration_aliases = [aws.us_east_1, aws.replica]
    }
  }
}
