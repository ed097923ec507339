# Tags, by which the firm's own reports find what belongs together.

resource "snowflake_tag" "main" {
  for_each = var.tags

  database = snowflake_database.main.name
  schema   = snowflake_schema.tables.name
  name     = each.key
  comment  = local.comment
}

resource "snowflake_tag_association" "database" {
  for_each = var.tags

  object_identifiers = [snowflake_database.main.fully_qualified_name]
  object_type        = "DATABASE"
  tag_id             = snowflake_tag.main[each.key].fully_qualified_name
  tag_value          = each.value
}

resource "snowflake_tag_association" "warehouses" {
  for_each = var.tags

  object_identifiers = [for it in snowflake_warehouse.main : it.fully_qualified_name]
  object_type        = "WAREHOUSE"
  tag_id             = snowflake_tag.main[each.key].fully_qualified_name
  tag_value          = each.value
}
