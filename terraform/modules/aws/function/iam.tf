# The function's own role: nobody else's, and nothing in it that its metadata does not ask for.

locals {
  function_arn = join(":", [
    "arn", data.aws_partition.current.partition, "lambda", data.aws_region.current.name,
    data.aws_caller_identity.current.account_id, "function", var.name,
  ])

  write_own_log = [{
    Sid       = "WriteOwnLog"
    Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource  = ["${aws_cloudwatch_log_group.this.arn}:*"]
    Condition = null
  }]

  # Lambda itself makes and removes network interfaces with the function's role; the function's code may not.
  # Source: AWS Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC".
  interfaces = join(":", [
    "arn", data.aws_partition.current.partition, "ec2", data.aws_region.current.name,
    data.aws_caller_identity.current.account_id, "network-interface/*",
  ])
  join_network = flatten([for it in var.network == null ? [] : [var.network] : [
    {
      Sid    = "JoinNetwork"
      Effect = "Allow"
      Action = [
        "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
      ]
      Resource = concat([local.interfaces], it.subnet_arns, it.group_arns)
    },
    {
      # EC2 does not bind this action to a resource.
      Sid      = "SeeInterfaces"
      Effect   = "Allow"
      Action   = ["ec2:DescribeNetworkInterfaces"]
      Resource = ["*"]
    },
    {
      Sid    = "NotFromWithinTheFunction"
      Effect = "Deny"
      Action = [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces", "ec2:UnassignPrivateIpAddresses",
      ]
      Resource  = ["*"]
      Condition = { ArnEquals = { "lambda:SourceFunctionArn" = [local.function_arn] } }
    },
  ]])

  # A `null` condition must not be written.
  statements = [
    for it in concat(local.write_own_log, var.statements) :
    merge({ Effect = "Allow" }, { for key, value in it : key => value if value != null })
  ]
}

resource "aws_iam_role" "this" {
  name        = var.name
  description = "Execution role of ${var.name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "what-its-metadata-asks-for"
  role   = aws_iam_role.this.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.statements, local.join_network) })
}
