# Secrets without their values: those are put in by hand, so that no state file ever holds one.

resource "aws_secretsmanager_secret" "named" {
  #checkov:skip=CKV2_AWS_57:Tokens of platforms and webhooks change at the other side first; docs/secrets.md says how.
  for_each = toset(var.secrets)

  name                    = "${local.prefix}/${each.key}"
  description             = "Read by functions of ${local.prefix}"
  kms_key_id              = aws_kms_key.main.arn
  recovery_window_in_days = var.is_protected ? 30 : 0
  tags                    = local.tags
}
