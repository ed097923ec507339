# What a deployment is given. Names are written as Snowflake stores them: in upper case.

variable "name" {
  description = "First part of every name in the account."
  type        = string
  default     = "MOODBRIDGE"

  validation {
    condition     = can(regex("^[A-Z][A-Z0-9_]{1,39}$", var.name))
    error_message = "Write 2 to 40 upper-case letters, digits and underscores, a letter first."
  }
}

variable "environment" {
  description = "Second part of every name: `DEV`, `PROD` or another."
  type        = string

  validation {
    condition     = can(regex("^[A-Z][A-Z0-9]{0,9}$", var.environment))
    error_message = "Write up to 10 upper-case letters and digits, a letter first."
  }
}

variable "account" {
  description = "The account identifier, ORGANISATION-ACCOUNT, for the settings that are told at the end."
  type        = string

  validation {
    condition     = can(regex("^[A-Z0-9]+-[A-Z0-9_]+$", var.account))
    error_message = "Write organisation, dash and account in upper case, such as MYORG-FIRM."
  }
}

variable "schema" {
  description = "Name of the schema that holds the tables: rows, changes, and where files are loaded first."
  type        = string
  default     = "LEGAL"

  validation {
    condition     = can(regex("^[A-Z][A-Z0-9_]{0,99}$", var.schema)) && !contains(["INFORMATION_SCHEMA", "PUBLIC"], var.schema)
    error_message = "Write upper-case letters, digits and underscores, a letter first. INFORMATION_SCHEMA is Snowflake's own, and everybody may use PUBLIC."
  }
}

variable "retention_days" {
  description = "For how many days a table can be read as it was. More than one needs Snowflake's Enterprise edition."
  type        = number
  default     = 1

  validation {
    condition     = var.retention_days >= 0 && var.retention_days <= 90 && floor(var.retention_days) == var.retention_days
    error_message = "Write a whole number of days from 0 to 90."
  }
}

variable "may_create_tables" {
  description = "Whether the loader may create its tables. Off when somebody else makes them all."
  type        = bool
  default     = true
}

variable "may_read_credits" {
  description = "Whether the loader may read how many credits statements of the account used, so that its own are counted as costs."
  type        = bool
  default     = true
}

variable "parent_role" {
  description = "The role that both roles are granted to, so that administrators see what they own."
  type        = string
  default     = "SYSADMIN"

  validation {
    condition     = can(regex("^[A-Z][A-Z0-9_]{0,99}$", var.parent_role)) && !contains(["PUBLIC", "ACCOUNTADMIN"], var.parent_role)
    error_message = "Write the name of a role in upper case. PUBLIC would open everything to everybody, ACCOUNTADMIN is for people in need."
  }
}

variable "reader_roles" {
  description = "Roles of the firm, which exist, that may read: each is granted the reader's role."
  type        = set(string)
  default     = []

  validation {
    condition     = !contains(var.reader_roles, "PUBLIC")
    error_message = "Ethical walls do not hold in the warehouse: name the roles that may read every case, not PUBLIC."
  }
}

variable "files" {
  description = "Where the files lie: an address that ends with a slash, such as `s3://firm-lake/lake/` or `azure://firm.blob.core.windows.net/lake/`, and what lets Snowflake in: for S3 the ARN of a role and, where one is agreed, its external id; for Azure the tenant."
  type = object({
    url             = string
    aws_role_arn    = optional(string)
    aws_external_id = optional(string)
    azure_tenant_id = optional(string)
  })

  validation {
    condition     = can(regex("^(s3|s3gov)://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([^ '*]+/)?$", var.files.url)) || can(regex("^azure://[a-z0-9]{3,24}\\.blob\\.core\\.windows\\.net/[a-z0-9-]{3,63}/([^ '*]+/)?$", var.files.url))
    error_message = "Write `url` as s3://BUCKET/FOLDER/ or azure://ACCOUNT.blob.core.windows.net/CONTAINER/FOLDER/, with a slash at its end."
  }

  validation {
    condition     = !startswith(var.files.url, "s3") || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$", var.files.aws_role_arn))
    error_message = "Files in S3 need `aws_role_arn`, the ARN of the role that Snowflake takes on."
  }

  validation {
    condition     = !startswith(var.files.url, "azure") || can(regex("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", var.files.azure_tenant_id))
    error_message = "Files in Azure need `azure_tenant_id`, the id of the tenant that owns the storage account."
  }
}

variable "loader" {
  description = "How the loader signs in: its RSA public key, the next one while keys are rotated (both in PEM, with or without its first and last line), where MoodBridge finds the private key, and the IPv4 addresses that it calls from. Without addresses no network policy is made."
  type = object({
    public_key      = string
    next_public_key = optional(string)
    private_key     = optional(string, "secretsmanager:snowflake-key")
    allowed_ips     = optional(set(string), [])
  })

  validation {
    condition     = alltrue([for it in compact([var.loader.public_key, var.loader.next_public_key]) : can(regex("^MII[A-Za-z0-9+/]{300,}={0,2}$", replace(replace(it, "/-----[A-Z ]+-----/", ""), "/\\s/", "")))])
    error_message = "Write the public half of an RSA key of 2048 bits or more, as `openssl rsa -pubout` shows it. A private key begins otherwise and does not belong here."
  }

  validation {
    condition     = !strcontains("${var.loader.public_key}${coalesce(var.loader.next_public_key, "-")}", "PRIVATE")
    error_message = "This is a private key: keep it in a secret, and write its public half."
  }

  validation {
    condition     = var.loader.next_public_key == null || var.loader.next_public_key != var.loader.public_key
    error_message = "`next_public_key` is the key that is used already."
  }

  validation {
    condition     = can(regex("^(env|file|mounted|secretsmanager|keyvault):.+$", var.loader.private_key))
    error_message = "Write `private_key` as the address of a secret, such as secretsmanager:snowflake-key, never as the key itself."
  }

  validation {
    condition     = alltrue([for it in var.loader.allowed_ips : can(cidrhost(strcontains(it, "/") ? it : "${it}/32", 0)) && !strcontains(it, ":") && !endswith(it, "/0")])
    error_message = "Write `allowed_ips` as IPv4 addresses or ranges such as 203.0.113.0/28. A range that ends with /0 allows everybody."
  }
}

variable "loading" {
  description = "The warehouse of the loader: its size, after how many idle seconds it sleeps, how long a statement may run and how long it may wait, in seconds."
  type = object({
    size                     = optional(string, "XSMALL")
    suspend_seconds          = optional(number, 60)
    statement_seconds        = optional(number, 3600)
    queued_statement_seconds = optional(number, 600)
  })
  default = {}

  validation {
    condition     = contains(["XSMALL", "SMALL", "MEDIUM", "LARGE", "XLARGE", "XXLARGE"], var.loading.size)
    error_message = "Write XSMALL, SMALL, MEDIUM, LARGE, XLARGE or XXLARGE."
  }

  validation {
    condition     = var.loading.suspend_seconds >= 30 && var.loading.suspend_seconds <= 3600 && var.loading.statement_seconds >= 60 && var.loading.statement_seconds <= 86400 && var.loading.queued_statement_seconds >= 10 && var.loading.queued_statement_seconds <= 86400
    error_message = "Write 30 to 3600 for `suspend_seconds`, 60 to 86400 for `statement_seconds`, 10 to 86400 for `queued_statement_seconds`. Zero would mean never."
  }
}

variable "reading" {
  description = "A warehouse of the readers, with the same limits, so that reports do not wait for loads. Null makes none: readers bring their own."
  type = object({
    size                     = optional(string, "XSMALL")
    suspend_seconds          = optional(number, 60)
    statement_seconds        = optional(number, 600)
    queued_statement_seconds = optional(number, 120)
  })
  default = null

  validation {
    condition     = var.reading == null || contains(["XSMALL", "SMALL", "MEDIUM", "LARGE", "XLARGE", "XXLARGE"], try(var.reading.size, ""))
    error_message = "Write XSMALL, SMALL, MEDIUM, LARGE, XLARGE or XXLARGE."
  }

  validation {
    condition     = var.reading == null || try(var.reading.suspend_seconds >= 30 && var.reading.suspend_seconds <= 3600 && var.reading.statement_seconds >= 60 && var.reading.statement_seconds <= 86400 && var.reading.queued_statement_seconds >= 10 && var.reading.queued_statement_seconds <= 86400, false)
    error_message = "Write 30 to 3600 for `suspend_seconds`, 60 to 86400 for `statement_seconds`, 10 to 86400 for `queued_statement_seconds`. Zero would mean never."
  }
}

variable "budget" {
  description = "How many credits the warehouses may take in a month together, at which percentages somebody is told, when they stop after the running statements and when at once, and which users are told (besides account administrators who asked for it)."
  type = object({
    monthly_credits = number
    notify_percent  = optional(set(number), [80])
    suspend_percent = optional(number, 100)
    suspend_at_once = optional(number, 110)
    notify_users    = optional(set(string), [])
  })

  validation {
    condition     = var.budget.monthly_credits >= 1 && floor(var.budget.monthly_credits) == var.budget.monthly_credits
    error_message = "Write `monthly_credits` as a whole number from 1 on."
  }

  validation {
    condition     = alltrue([for it in var.budget.notify_percent : it >= 1 && it <= var.budget.suspend_percent]) && length(var.budget.notify_percent) <= 5 && var.budget.suspend_percent <= var.budget.suspend_at_once
    error_message = "Write up to five `notify_percent`, none above `suspend_percent`, and that one not above `suspend_at_once`."
  }
}

variable "tags" {
  description = "Tags of database and warehouses, such as `{ COST_CENTER = \"IT\" }`. They need Snowflake's Enterprise edition; without any, none is made."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name, value in var.tags : can(regex("^[A-Z][A-Z0-9_]{0,99}$", name)) && length(value) > 0 && length(value) <= 256])
    error_message = "Write names in upper-case letters, digits and underscores, and values of 1 to 256 characters."
  }
}
