# The network of the functions that reach the database: private subnets, endpoints for AWS, and NAT
# gateways towards Salesforce.

locals {
  has_network = var.network != null
  zones       = local.has_network ? { for idx, zone in var.network.zones : zone => idx } : {}
  gateways    = local.has_network ? { for zone, idx in local.zones : zone => idx if idx < var.network.n_nat_gateways } : {}

  endpoints = local.has_network ? toset(["kms", "logs", "secretsmanager", "sqs"]) : toset([])

  # What functions are put into, whether it is ours or exists already.
  network = local.has_network ? {
    subnet_ids         = [for it in aws_subnet.private : it.id]
    subnet_arns        = [for it in aws_subnet.private : it.arn]
    security_group_ids = [aws_security_group.functions[0].id]
    group_arns         = [aws_security_group.functions[0].arn]
    } : var.existing_network == null ? null : {
    subnet_ids         = var.existing_network.subnet_ids
    subnet_arns        = [for it in var.existing_network.subnet_ids : "arn:${local.partition}:ec2:${local.region}:${local.account}:subnet/${it}"]
    security_group_ids = var.existing_network.security_group_ids
    group_arns         = [for it in var.existing_network.security_group_ids : "arn:${local.partition}:ec2:${local.region}:${local.account}:security-group/${it}"]
  }
}

resource "aws_vpc" "main" {
  count = local.has_network ? 1 : 0

  cidr_block           = var.network.cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = merge(local.tags, { Name = local.prefix })
}

# Nothing may lean on the group that a VPC comes with.
resource "aws_default_security_group" "closed" {
  count = local.has_network ? 1 : 0

  vpc_id = aws_vpc.main[0].id
  tags   = merge(local.tags, { Name = "${local.prefix}-closed" })
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id            = aws_vpc.main[0].id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.network.cidr, 4, each.value)
  tags              = merge(local.tags, { Name = "${local.prefix}-private-${each.key}" })
}

resource "aws_subnet" "public" {
  for_each = local.gateways

  vpc_id            = aws_vpc.main[0].id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.network.cidr, 8, 240 + each.value)
  tags              = merge(local.tags, { Name = "${local.prefix}-public-${each.key}" })
}

resource "aws_internet_gateway" "main" {
  count = local.has_network ? 1 : 0

  vpc_id = aws_vpc.main[0].id
  tags   = merge(local.tags, { Name = local.prefix })
}

resource "aws_eip" "nat" {
  for_each = local.gateways

  domain     = "vpc"
  tags       = merge(local.tags, { Name = "${local.prefix}-nat-${each.key}" })
  depends_on = [aws_internet_gateway.main]
}

resource "aws_nat_gateway" "main" {
  for_each = local.gateways

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id
  tags          = merge(local.tags, { Name = "${local.prefix}-${each.key}" })
}

resource "aws_route_table" "public" {
  count = local.has_network ? 1 : 0

  vpc_id = aws_vpc.main[0].id
  tags   = merge(local.tags, { Name = "${local.prefix}-public" })

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main[0].id
  }
}

resource "aws_route_table_association" "public" {
  for_each = local.gateways

  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = aws_route_table.public[0].id
}

# A zone without a gateway of its own goes through another's.
resource "aws_route_table" "private" {
  for_each = local.zones

  vpc_id = aws_vpc.main[0].id
  tags   = merge(local.tags, { Name = "${local.prefix}-private-${each.key}" })

  dynamic "route" {
    for_each = var.network.n_nat_gateways == 0 ? [] : [1]
    content {
      cidr_block     = "0.0.0.0/0"
      nat_gateway_id = aws_nat_gateway.main[var.network.zones[each.value % var.network.n_nat_gateways]].id
    }
  }
}

resource "aws_route_table_association" "private" {
  for_each = local.zones

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[each.key].id
}

resource "aws_security_group" "functions" {
  #checkov:skip=CKV2_AWS_5:The functions are in it, by way of `local.network`.
  count = local.has_network ? 1 : 0

  name        = "${local.prefix}-functions"
  description = "Functions that reach the database"
  vpc_id      = aws_vpc.main[0].id
  tags        = merge(local.tags, { Name = "${local.prefix}-functions" })
}

resource "aws_vpc_security_group_egress_rule" "functions_to_https" {
  count = local.has_network ? 1 : 0

  security_group_id = aws_security_group.functions[0].id
  description       = "Platforms, the issuer and AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "functions_to_database" {
  count = local.has_network ? 1 : 0

  security_group_id = aws_security_group.functions[0].id
  description       = "The database"
  cidr_ipv4         = var.network.cidr
  ip_protocol       = "tcp"
  from_port         = 5432
  to_port           = 5432
}

resource "aws_security_group" "endpoints" {
  count = local.has_network ? 1 : 0

  name        = "${local.prefix}-endpoints"
  description = "AWS, from within the network"
  vpc_id      = aws_vpc.main[0].id
  tags        = merge(local.tags, { Name = "${local.prefix}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_functions" {
  count = local.has_network ? 1 : 0

  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "Functions"
  referenced_security_group_id = aws_security_group.functions[0].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_endpoint" "service" {
  for_each = local.endpoints

  vpc_id              = aws_vpc.main[0].id
  service_name        = "com.amazonaws.${local.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for it in aws_subnet.private : it.id]
  security_group_ids  = [aws_security_group.endpoints[0].id]
  tags                = merge(local.tags, { Name = "${local.prefix}-${each.key}" })
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = local.has_network ? toset(["dynamodb", "s3"]) : toset([])

  vpc_id            = aws_vpc.main[0].id
  service_name      = "com.amazonaws.${local.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for it in aws_route_table.private : it.id]
  tags              = merge(local.tags, { Name = "${local.prefix}-${each.key}" })
}

resource "aws_cloudwatch_log_group" "flows" {
  count = local.has_network ? 1 : 0

  name              = "/aws/vpc/${local.prefix}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.main.arn
  tags              = local.tags
}

resource "aws_iam_role" "flows" {
  count = local.has_network ? 1 : 0

  name        = "${local.prefix}-flows"
  description = "Lets the VPC write which connections were made"
  tags        = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Condition = local.from_here
    }]
  })
}

resource "aws_iam_role_policy" "flows" {
  count = local.has_network ? 1 : 0

  name = "write"
  role = aws_iam_role.flows[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.flows[0].arn}:*"]
    }]
  })
}

resource "aws_flow_log" "main" {
  count = local.has_network ? 1 : 0

  vpc_id          = aws_vpc.main[0].id
  traffic_type    = "REJECT"
  iam_role_arn    = aws_iam_role.flows[0].arn
  log_destination = aws_cloudwatch_log_group.flows[0].arn
  tags            = local.tags
}
