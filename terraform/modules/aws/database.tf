# The case store: an Aurora PostgreSQL of our own, or one that exists.

locals {
  has_database = var.database != null

  # RDS keeps the password in a secret of its own and changes it every week; functions read it anew when
  # the old one is refused.
  own_case_store = local.has_database ? join("", [
    "postgres://moodbridge@", aws_rds_cluster.main[0].endpoint, ":5432/moodbridge",
    "?password=", urlencode("secretsmanager:${aws_rds_cluster.main[0].master_user_secret[0].secret_arn}#password"),
    # AWS's own root is in no list of the public ones: it comes with the package, or is not asked for.
    var.database.root_certificate == null ? "&sslmode=require" : "&sslmode=verify-full&sslrootcert=${urlencode(var.database.root_certificate)}",
  ]) : null
  case_store = local.has_database ? local.own_case_store : var.case_store
}

resource "aws_db_subnet_group" "main" {
  count = local.has_database ? 1 : 0

  name       = local.prefix
  subnet_ids = [for it in aws_subnet.private : it.id]
  tags       = local.tags
}

resource "aws_security_group" "database" {
  count = local.has_database ? 1 : 0

  name        = "${local.prefix}-database"
  description = "The case store"
  vpc_id      = aws_vpc.main[0].id
  tags        = merge(local.tags, { Name = "${local.prefix}-database" })
}

resource "aws_vpc_security_group_ingress_rule" "database_from_functions" {
  count = local.has_database ? 1 : 0

  security_group_id            = aws_security_group.database[0].id
  description                  = "Functions"
  referenced_security_group_id = aws_security_group.functions[0].id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_rds_cluster_parameter_group" "main" {
  count = local.has_database ? 1 : 0

  name        = local.prefix
  description = "TLS only; slow statements and changes of tables are logged"
  family      = "aurora-postgresql${split(".", var.database.engine_version)[0]}"
  tags        = local.tags

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  parameter {
    name  = "log_statement"
    value = "ddl"
  }
}

resource "aws_rds_cluster" "main" {
  #checkov:skip=CKV_AWS_162:Functions sign in with a password that RDS changes by itself; tokens of IAM hold for 15 minutes, pools for hours.
  #checkov:skip=CKV2_AWS_27:Statements hold what clients say; only slow ones and changes of tables are logged.
  count = local.has_database ? 1 : 0

  cluster_identifier              = local.prefix
  engine                          = "aurora-postgresql"
  engine_mode                     = "provisioned"
  engine_version                  = var.database.engine_version
  database_name                   = "moodbridge"
  master_username                 = "moodbridge"
  manage_master_user_password     = true
  master_user_secret_kms_key_id   = aws_kms_key.main.arn
  db_subnet_group_name            = aws_db_subnet_group.main[0].name
  vpc_security_group_ids          = [aws_security_group.database[0].id]
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.main[0].name
  storage_encrypted               = true
  kms_key_id                      = aws_kms_key.main.arn
  backup_retention_period         = var.database.backup_days
  preferred_backup_window         = "01:00-02:00"
  preferred_maintenance_window    = "sun:03:00-sun:04:00"
  copy_tags_to_snapshot           = true
  deletion_protection             = var.is_protected
  skip_final_snapshot             = !var.is_protected
  final_snapshot_identifier       = var.is_protected ? "${local.prefix}-last" : null
  enabled_cloudwatch_logs_exports = ["postgresql"]
  tags                            = merge(local.tags, { backup = local.prefix })

  serverlessv2_scaling_configuration {
    min_capacity = var.database.min_capacity
    max_capacity = var.database.max_capacity
  }
}

resource "aws_rds_cluster_instance" "main" {
  count = local.has_database ? var.database.n_instances : 0

  identifier                      = "${local.prefix}-${count.index + 1}"
  cluster_identifier              = aws_rds_cluster.main[0].id
  engine                          = aws_rds_cluster.main[0].engine
  engine_version                  = aws_rds_cluster.main[0].engine_version
  instance_class                  = "db.serverless"
  publicly_accessible             = false
  auto_minor_version_upgrade      = true
  performance_insights_enabled    = true
  performance_insights_kms_key_id = aws_kms_key.main.arn
  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring[0].arn
  tags                            = local.tags
}

resource "aws_iam_role" "monitoring" {
  count = local.has_database ? 1 : 0

  name        = "${local.prefix}-monitoring"
  description = "Lets RDS write figures of the machine"
  tags        = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Condition = local.from_here
    }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  count = local.has_database ? 1 : 0

  role       = aws_iam_role.monitoring[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

locals {
  database_alarms = local.has_database ? {
    database-busy = {
      metric = "ACUUtilization", statistic = "Average", threshold = 90
      says   = "The database uses nearly all of its capacity. ${local.runbooks}/database-busy.md"
    }
    database-connections = {
      # Source: Aurora user guide, "Maximum connections for Aurora Serverless v2": the least for 2 ACU and more.
      metric = "DatabaseConnections", statistic = "Maximum", threshold = 150
      says   = "The database has many connections open. ${local.runbooks}/database-busy.md"
    }
  } : {}
}

resource "aws_cloudwatch_metric_alarm" "database" {
  for_each = { for name, it in local.database_alarms : name => it if var.has_alarms }

  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = each.value.says
  namespace           = "AWS/RDS"
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 3
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "breaching"
  dimensions          = { DBClusterIdentifier = aws_rds_cluster.main[0].cluster_identifier }
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
  tags                = local.tags
}
