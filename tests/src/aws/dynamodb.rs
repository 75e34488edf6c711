//! DynamoDB by dynoxide, an embedded implementation in memory.

use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{connector::Answer, refusal::Refusal};

pub(super) struct DynamoDb(Database);

impl std::fmt::Debug for DynamoDb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DynamoDb")
    }
}

impl DynamoDb {
    pub(super) fn new(tables: &[Value]) -> Self {
        let database = Database::memory().expect("a database in memory");
        for table in tables {
            let request = serde_json::from_value(table.clone()).expect("the template's table is one");
            database.create_table(request).expect("the template's table can be created");
        }
        Self(database)
    }

    pub(super) fn handle(
        &self,
        operation: &str,
        request: &Value,
        part_only: bool,
    ) -> Result<Answer, Refusal> {
        let mut request = request.clone();
        request["ReturnConsumedCapacity"] = json!("INDEXES");
        let postponed = match operation {
            "BatchGetItem" if part_only => postpone_one_key(&mut request),
            _ => json!({}),
        };
        let mut answer = match operation {
            "GetItem" => run(&request, |it| self.0.get_item(it)),
            "BatchGetItem" if request["RequestItems"] == json!({}) => Ok(json!({ "Responses": {} })),
            "BatchGetItem" => run(&request, |it| self.0.batch_get_item(it)),
            "Query" => run(&request, |it| self.0.query(it)),
            "PutItem" => run(&request, |it| self.0.put_item(it)),
            "UpdateItem" => run(&request, |it| self.0.update_item(it)),
            "DeleteItem" => run(&request, |it| self.0.delete_item(it)),
            "BatchWriteItem" => run(&request, |it| self.0.batch_write_item(it)),
            "TransactWriteItems" => run(&request, |it| self.0.transact_write_items(it)),
            "TransactGetItems" => run(&request, |it| self.0.transact_get_items(it)),
            "Scan" => panic!("no path of the platform scans: {request}"),
            _ => return Err(Refusal::unknown_operation(operation)),
        }?;
        if postponed != json!({}) {
            answer["UnprocessedKeys"] = postponed;
        }
        let consumed = &answer["ConsumedCapacity"];
        let (capacity, index_capacity) = (capacity(consumed), index_capacity(consumed));
        Ok(Answer { capacity, index_capacity, body: answer.to_string() })
    }

    pub(super) fn items(&self, table: &str) -> Vec<Value> {
        let request = serde_json::from_value(json!({ "TableName": table })).unwrap();
        let answer = serde_json::to_value(self.0.scan(request).expect("the table exists")).unwrap();
        assert!(answer["LastEvaluatedKey"].is_null(), "more items than one page of a scan holds");
        answer["Items"].as_array().cloned().unwrap_or_default()
    }
}

fn run<Q, A>(request: &Value, operation: impl FnOnce(Q) -> Result<A, DynoxideError>) -> Result<Value, Refusal>
where
    Q: DeserializeOwned,
    A: Serialize,
{
    let request = serde_json::from_value(request.clone())
        .map_err(|error| Refusal::new("SerializationException", error.to_string()))?;
    match operation(request) {
        Ok(answer) => Ok(serde_json::to_value(&answer).expect("an answer is JSON")),
        Err(error) => Err(Refusal { status: error.status_code(), body: error.to_json() }),
    }
}

/// Takes the last key out of the request: the answer's `UnprocessedKeys`.
fn postpone_one_key(request: &mut Value) -> Value {
    let Some((table, wanted)) = request["RequestItems"].as_object_mut().and_then(|it| it.iter_mut().next())
    else {
        return json!({});
    };
    let (table, key) = (table.clone(), wanted["Keys"].as_array_mut().and_then(Vec::pop));
    let mut postponed = wanted.clone();
    postponed["Keys"] = json!([key]);
    if wanted["Keys"] == json!([]) {
        request["RequestItems"] = json!({});
    }
    json!({ table: postponed })
}

/// The units of one table or, for batches and transactions, of all.
fn capacity(consumed: &Value) -> f64 {
    match consumed {
        Value::Array(tables) => tables.iter().map(capacity).sum(),
        one => one["CapacityUnits"].as_f64().unwrap_or(0.0),
    }
}

/// Those of them that are indexes'.
fn index_capacity(consumed: &Value) -> f64 {
    match consumed {
        Value::Array(tables) => tables.iter().map(index_capacity).sum(),
        one => {
            let indexes = one["GlobalSecondaryIndexes"].as_object().into_iter().flatten();
            // A sum of nothing would be -0.
            indexes.fold(0.0, |sum, (_, index)| sum + capacity(index))
        }
    }
}
