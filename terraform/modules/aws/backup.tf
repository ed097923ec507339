# Copies that outlive a mistake: of the database, the ledger and the documents.

resource "aws_backup_vault" "main" {
  count = var.has_backups ? 1 : 0

  name          = local.prefix
  kms_key_arn   = aws_kms_key.main.arn
  force_destroy = !var.is_protected
  tags          = local.tags
}

resource "aws_backup_vault_lock_configuration" "main" {
  count = var.has_backups && var.backups.lock_days != null ? 1 : 0

  backup_vault_name   = aws_backup_vault.main[0].name
  min_retention_days  = var.backups.lock_days
  changeable_for_days = 3
}

resource "aws_backup_plan" "main" {
  count = var.has_backups ? 1 : 0

  name = local.prefix
  tags = local.tags

  rule {
    rule_name                = "daily"
    target_vault_name        = aws_backup_vault.main[0].name
    schedule                 = "cron(30 2 * * ? *)"
    start_window             = 60
    completion_window        = 360
    enable_continuous_backup = false

    lifecycle {
      delete_after = var.backups.daily_days
    }
  }

  rule {
    rule_name         = "monthly"
    target_vault_name = aws_backup_vault.main[0].name
    schedule          = "cron(30 4 1 * ? *)"
    start_window      = 60
    completion_window = 720

    lifecycle {
      cold_storage_after = 30
      delete_after       = var.backups.monthly_days
    }
  }
}

resource "aws_iam_role" "backup" {
  count = var.has_backups ? 1 : 0

  name        = "${local.prefix}-backup"
  description = "Lets AWS Backup make copies, and put them back"
  tags        = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "backup.amazonaws.com" }
      Condition = local.from_here
    }]
  })
}

resource "aws_iam_role_policy_attachment" "backup" {
  for_each = var.has_backups ? toset([
    "service-role/AWSBackupServiceRolePolicyForBackup",
    "service-role/AWSBackupServiceRolePolicyForRestores",
    "AWSBackupServiceRolePolicyForS3Backup",
    "AWSBackupServiceRolePolicyForS3Restore",
  ]) : toset([])

  role       = aws_iam_role.backup[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/${each.key}"
}

resource "aws_backup_selection" "main" {
  count = var.has_backups ? 1 : 0

  name         = local.prefix
  plan_id      = aws_backup_plan.main[0].id
  iam_role_arn = aws_iam_role.backup[0].arn

  resources = concat(
    [aws_dynamodb_table.ledger.arn, module.bucket["documents"].arn],
    [for it in aws_rds_cluster.main : it.arn],
  )
}

resource "aws_cloudwatch_metric_alarm" "backup" {
  count = var.has_alarms && var.has_backups ? 1 : 0

  alarm_name          = "${local.prefix}-backup-failed"
  alarm_description   = "A backup failed. ${local.runbooks}/backup-failed.md"
  namespace           = "AWS/Backup"
  metric_name         = "NumberOfBackupJobsFailed"
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  dimensions          = { BackupVaultName = aws_backup_vault.main[0].name }
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
  tags                = local.tags
}
