# Who may do what: one role that loads and one that reads, neither more than that.

resource "snowflake_account_role" "loader" {
  name    = "${local.prefix}_LOADER"
  comment = "Loads files and merges them. ${local.comment}"
}

resource "snowflake_account_role" "reader" {
  name    = "${local.prefix}_READER"
  comment = "Reads every row of ${var.schema}. ${local.comment}"
}

resource "snowflake_grant_account_role" "parent" {
  for_each = { loader = snowflake_account_role.loader.name, reader = snowflake_account_role.reader.name }

  role_name        = each.value
  parent_role_name = var.parent_role
}

resource "snowflake_grant_account_role" "readers" {
  for_each = var.reader_roles

  role_name        = snowflake_account_role.reader.name
  parent_role_name = each.value
}

# What its own statements used, for the costs. The view tells of the statements of others too, without
# their text.
resource "snowflake_grant_database_role" "credits" {
  count = var.may_read_credits ? 1 : 0

  database_role_name = "\"SNOWFLAKE\".\"USAGE_VIEWER\""
  parent_role_name   = snowflake_account_role.loader.name
}

locals {
  may_create = var.may_create_tables ? ["CREATE TABLE"] : []

  # Each role's rights, by a name that stays when others come and go.
  database_rights = {
    loader = snowflake_account_role.loader.name
    reader = snowflake_account_role.reader.name
  }
  schema_rights = {
    loader_tables = { role = snowflake_account_role.loader.name, schema = snowflake_schema.tables.fully_qualified_name, privileges = concat(["USAGE"], local.may_create) }
    reader_tables = { role = snowflake_account_role.reader.name, schema = snowflake_schema.tables.fully_qualified_name, privileges = ["USAGE"] }
  }
  # A merge inserts and updates; what is merged is deleted where it was loaded.
  future_rights = {
    loader_tables = { role = snowflake_account_role.loader.name, schema = snowflake_schema.tables.fully_qualified_name, objects = "TABLES", privileges = ["SELECT", "INSERT", "UPDATE", "DELETE"] }
    reader_tables = { role = snowflake_account_role.reader.name, schema = snowflake_schema.tables.fully_qualified_name, objects = "TABLES", privileges = ["SELECT"] }
    reader_views  = { role = snowflake_account_role.reader.name, schema = snowflake_schema.tables.fully_qualified_name, objects = "VIEWS", privileges = ["SELECT"] }
  }
  warehouse_rights = merge(
    { loading = { role = snowflake_account_role.loader.name, warehouse = snowflake_warehouse.main["loading"].name } },
    var.reading == null ? {} : { reading = { role = snowflake_account_role.reader.name, warehouse = snowflake_warehouse.main["reading"].name } },
  )
}

resource "snowflake_grant_privileges_to_account_role" "database" {
  for_each = local.database_rights

  account_role_name = each.value
  privileges        = ["USAGE"]

  on_account_object {
    object_type = "DATABASE"
    object_name = snowflake_database.main.name
  }
}

resource "snowflake_grant_privileges_to_account_role" "schema" {
  for_each = local.schema_rights

  account_role_name = each.value.role
  privileges        = each.value.privileges

  on_schema {
    schema_name = each.value.schema
  }
}

# Tables that are made later, by the loader or by a person, carry these rights from their first moment.
resource "snowflake_grant_privileges_to_account_role" "future" {
  for_each = local.future_rights

  account_role_name = each.value.role
  privileges        = each.value.privileges

  on_schema_object {
    future {
      object_type_plural = each.value.objects
      in_schema          = each.value.schema
    }
  }
}

resource "snowflake_grant_privileges_to_account_role" "warehouse" {
  for_each = local.warehouse_rights

  account_role_name = each.value.role
  privileges        = ["USAGE"]

  on_account_object {
    object_type = "WAREHOUSE"
    object_name = each.value.warehouse
  }
}

# The stage, not the integration behind it: with that, the loader could make stages of its own.
resource "snowflake_grant_privileges_to_account_role" "stage" {
  account_role_name = snowflake_account_role.loader.name
  privileges        = ["USAGE"]

  on_schema_object {
    object_type = "STAGE"
    object_name = local.stage
  }
}
