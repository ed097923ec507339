# What differs between firms. Write them into terraform.tfvars; terraform.tfvars.example shows how.

variable "account_id" {
  description = "Number of the AWS account that the deployment is in."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "Write the twelve digits of the account."
  }
}

variable "region" {
  description = "Region of the deployment."
  type        = string
  default     = "eu-west-1"
}

variable "environment" {
  description = "The deployment's environment: `dev`, `prod` or another."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,9}$", var.environment))
    error_message = "Write up to 10 lower-case letters and digits, a letter first."
  }
}

variable "lake" {
  description = "The deployment's lake: `buckets.lake` and `kms_key_arn` of `terraform output moodbridge` there, and the folder that Snowflake may read."
  type = object({
    bucket      = string
    kms_key_arn = string
    folder      = optional(string, "lake/")
  })

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.lake.bucket)) && can(regex("^arn:aws[a-z-]*:kms:", var.lake.kms_key_arn)) && can(regex("^[^ '*/]([^ '*]*[^/])?/$", var.lake.folder))
    error_message = "Write the name of a bucket, the ARN of a key of KMS, and a folder that ends with a slash, such as lake/."
  }
}

variable "snowflake" {
  description = "The account, by its organisation and its own name, and the role that makes what is here. Only ACCOUNTADMIN may make the resource monitor, unless it grants that to another."
  type = object({
    organization = string
    account      = string
    role         = optional(string, "ACCOUNTADMIN")
  })

  validation {
    condition     = can(regex("^[A-Z0-9]+$", var.snowflake.organization)) && can(regex("^[A-Z0-9_]+$", var.snowflake.account))
    error_message = "Write organisation and account in upper case, each without the dash between them."
  }
}

variable "loader" {
  description = "How the loader signs in, see the module: `public_key`, `next_public_key`, `private_key`, `allowed_ips`."
  type = object({
    public_key      = string
    next_public_key = optional(string)
    private_key     = optional(string, "secretsmanager:snowflake-key")
    allowed_ips     = optional(set(string), [])
  })
}

variable "loading" {
  description = "Size and limits of the loader's warehouse, see the module."
  type        = any
  default     = {}
}

variable "reading" {
  description = "Size and limits of a warehouse for readers, see the module; null makes none."
  type        = any
  default     = null
}

variable "reader_roles" {
  description = "Roles of the firm that may read everything."
  type        = set(string)
  default     = []
}

variable "budget" {
  description = "Credits of a month and what happens near their end, see the module: `monthly_credits`, `notify_percent`, `notify_users`."
  type        = any
}

variable "tags" {
  description = "Tags of database and warehouses; they need the Enterprise edition."
  type        = map(string)
  default     = {}
}
