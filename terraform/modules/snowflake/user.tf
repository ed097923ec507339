# The user that MoodBridge signs in as: by key alone, and only from where it runs.

locals {
  # Snowflake takes a key as one line without its frame.
  public_keys = {
    for name, key in { first = var.loader.public_key, second = var.loader.next_public_key } :
    name => key == null ? null : replace(replace(key, "/-----[A-Z ]+-----/", ""), "/\\s/", "")
  }
}

resource "snowflake_service_user" "loader" {
  name                           = "${local.prefix}_LOADER"
  comment                        = local.comment
  rsa_public_key                 = local.public_keys.first
  rsa_public_key_2               = local.public_keys.second
  default_role                   = snowflake_account_role.loader.fully_qualified_name
  default_warehouse              = snowflake_warehouse.main["loading"].fully_qualified_name
  default_namespace              = "${snowflake_database.main.name}.${snowflake_schema.tables.name}"
  default_secondary_roles_option = "NONE"
  network_policy                 = one(snowflake_network_policy.loader[*].fully_qualified_name)
}

resource "snowflake_grant_account_role" "loader" {
  role_name = snowflake_account_role.loader.name
  user_name = snowflake_service_user.loader.name
}

resource "snowflake_network_policy" "loader" {
  count = length(var.loader.allowed_ips) > 0 ? 1 : 0

  name            = "${local.prefix}_LOADER"
  comment         = local.comment
  allowed_ip_list = var.loader.allowed_ips
}
