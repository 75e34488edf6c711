"""Turns on what the emulator's CloudFormation leaves out of AWS::DynamoDB::Table: the tables' time to live."""

import sys

import boto3

dynamodb = boto3.client("dynamodb")
for table in sys.argv[1:]:
    status = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"]
    if status == "DISABLED":
        dynamodb.update_time_to_live(
            TableName=table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
        )
