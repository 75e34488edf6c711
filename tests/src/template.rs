//! What `template.yaml` says of the tables, the queues and the rule between bus and queue.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

const TEMPLATE: &str = include_str!("../../template.yaml");

/// The deployed stack's resources, known by their logical ids.
#[derive(Debug, Clone)]
pub struct Template {
    parameters: Map<String, Value>,
    /// The parameters' greatest values.
    maxima: Map<String, Value>,
    resources: Map<String, Value>,
}

/// A queue's settings.
#[derive(Debug, Clone)]
pub struct QueueSettings {
    /// How long a received message stays hidden unless its receiver says otherwise.
    pub visibility_timeout: Duration,
    /// The most bytes of a message.
    pub maximum_message_size: usize,
    /// Where a message goes that was received too often, and how often that is.
    pub redrive: Option<Redrive>,
}

/// A queue's way to its dead-letter queue.
#[derive(Debug, Clone)]
pub struct Redrive {
    /// The dead-letter queue's logical id.
    pub dead_letter_queue: String,
    /// How often a message is received before it goes there.
    pub max_receive_count: u32,
}

/// The rule that moves events from the bus to a queue.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The bus's logical id.
    pub bus: String,
    /// What an event's source must begin with.
    pub source_prefix: String,
    /// The queue's logical id.
    pub queue: String,
    /// The logical id of the queue for what the first one does not take.
    pub dead_letter_queue: String,
}

impl Template {
    /// The project's template; parameters have their defaults.
    pub fn of_project() -> &'static Self {
        static READ: LazyLock<Template> = LazyLock::new(Template::read);
        &READ
    }

    fn read() -> Self {
        let documents = Yaml::load_from_str(TEMPLATE).expect("template.yaml is YAML");
        let root = documents.first().expect("template.yaml has one document");
        let parameters = plain(&root["Parameters"], &Map::new());
        let each =
            |field| object(&parameters).iter().map(move |(name, it)| (name.clone(), it[field].clone()));
        let (defaults, maxima) = (each("Default").collect(), each("MaxValue").collect());
        let Value::Object(resources) = plain(&root["Resources"], &defaults) else { panic!("no resources") };
        Self { parameters: defaults, maxima, resources }
    }

    /// A numeric parameter's default.
    pub fn parameter(&self, name: &str) -> u64 {
        number(self.parameters.get(name).unwrap_or_else(|| panic!("the template has no parameter {name}")))
    }

    /// The most that a numeric parameter may be set to.
    pub fn parameter_maximum(&self, name: &str) -> u64 {
        number(self.maxima.get(name).unwrap_or_else(|| panic!("the template bounds no parameter {name}")))
    }

    /// The tables as requests that create them, named by their logical ids.
    pub fn tables(&self) -> Vec<Value> {
        let taken = ["AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes"];
        self.of_type("AWS::DynamoDB::Table")
            .map(|(name, properties)| {
                let mut request = properties.clone();
                request.retain(|key, _| taken.contains(&key.as_str()));
                request.insert("TableName".into(), json!(name));
                Value::Object(request)
            })
            .collect()
    }

    /// The queues by their logical ids.
    pub fn queues(&self) -> BTreeMap<String, QueueSettings> {
        self.of_type("AWS::SQS::Queue")
            .map(|(name, properties)| {
                let redrive = properties.get("RedrivePolicy").map(|policy| Redrive {
                    dead_letter_queue: text(&policy["deadLetterTargetArn"]),
                    max_receive_count: number(&policy["maxReceiveCount"]).try_into().unwrap(),
                });
                // SQS hides for 30 seconds where a queue sets nothing, and has taken 256 KiB for most of its life: a queue
                // that is to take more says so.
                let seconds = properties.get("VisibilityTimeout").map_or(30, number);
                let bytes = properties.get("MaximumMessageSize").map_or(256 * 1024, number);
                let settings = QueueSettings {
                    visibility_timeout: Duration::from_secs(seconds),
                    maximum_message_size: bytes.try_into().unwrap(),
                    redrive,
                };
                (name.clone(), settings)
            })
            .collect()
    }

    /// The one rule.
    pub fn rule(&self) -> Rule {
        let mut rules = self.of_type("AWS::Events::Rule");
        let (_, rule) = rules.next().expect("the template has a rule");
        assert!(rules.next().is_none(), "the tests know one rule");
        Rule {
            bus: text(&rule["EventBusName"]),
            source_prefix: text(&rule["EventPattern"]["source"][0]["prefix"]),
            queue: text(&rule["Targets"][0]["Arn"]),
            dead_letter_queue: text(&rule["Targets"][0]["DeadLetterConfig"]["Arn"]),
        }
    }

    /// How many messages of this queue a function gets at once.
    pub fn batch_size(&self, queue: &str) -> usize {
        let mut mappings = self.of_type("AWS::Lambda::EventSourceMapping");
        let found = mappings.find(|(_, mapping)| mapping["EventSourceArn"] == queue);
        let (_, mapping) = found.unwrap_or_else(|| panic!("no function reads {queue}"));
        assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]), "{queue}");
        number(&mapping["BatchSize"]).try_into().unwrap()
    }

    /// The environment variables of the function with this binary, and what memory it has in MiB.
    pub fn function(&self, binary: &str) -> (BTreeMap<String, String>, u64) {
        let properties = self.function_properties(binary);
        let variables = object(&properties["Environment"]["Variables"]);
        let as_text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let variables = variables.iter().map(|(name, value)| (name.clone(), as_text(value)));
        (variables.collect(), number(&properties["MemorySize"]))
    }

    /// How long the function with this binary may take, in seconds.
    pub fn function_timeout(&self, binary: &str) -> u64 {
        number(&self.function_properties(binary)["Timeout"])
    }

    fn function_properties(&self, binary: &str) -> &Value {
        let built_from = |resource: &&Value| resource["Metadata"]["BuildProperties"]["Binary"] == binary;
        let found = self.resources.values().find(built_from);
        let function = found.unwrap_or_else(|| panic!("the template has no function {binary}"));
        &function["Properties"]
    }

    /// What the role of this name may do with the log table.
    pub fn log_actions(&self, role: &str) -> Vec<String> {
        let policies = self.resources[role]["Properties"]["Policies"].as_array().expect("policies");
        let statements = policies.iter().flat_map(|it| it["PolicyDocument"]["Statement"].as_array().unwrap());
        let of_log = statements.filter(|statement| statement["Sid"] == "Log");
        let actions = of_log.flat_map(|statement| statement["Action"].as_array().unwrap());
        actions.map(|action| action.as_str().unwrap().to_owned()).collect()
    }

    fn of_type(&self, kind: &'static str) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
        let of_kind = self.resources.iter().filter(move |(_, resource)| resource["Type"] == kind);
        of_kind.map(|(name, resource)| (name, object(&resource["Properties"])))
    }
}

/// The node as JSON, with intrinsic functions as far as the tests need them: a reference is the parameter's default or
/// the logical id it names; what else is computed stays the text that it is computed from.
fn plain(node: &Yaml, parameters: &Map<String, Value>) -> Value {
    match node {
        Yaml::Tagged(tag, inner) => {
            let inner = plain(inner, parameters);
            match (tag.suffix.as_str(), inner.as_str()) {
                ("Ref", Some(name)) => parameters.get(name).cloned().unwrap_or(inner),
                ("GetAtt", Some(path)) => json!(path.split('.').next()),
                _ => inner,
            }
        }
        Yaml::Mapping(mapping) => {
            let entries = mapping.iter().map(|(key, value)| {
                (key.as_str().expect("keys are text").to_owned(), plain(value, parameters))
            });
            Value::Object(entries.collect())
        }
        Yaml::Sequence(items) => items.iter().map(|item| plain(item, parameters)).collect(),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::Boolean(flag)) => json!(flag),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        _ => Value::Null,
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// A number, which `CloudFormation` also takes as text.
fn number(value: &Value) -> u64 {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.unwrap_or_else(|| panic!("not a number: {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_have_their_keys() {
        let tables = Template::of_project().tables();
        let names: Vec<_> = tables.iter().map(|table| text(&table["TableName"])).collect();
        assert_eq!(names, ["LogTable", "RegistryTable"]);
        assert!(tables.iter().all(|table| table["KeySchema"][0]["AttributeName"] == "pk"), "{tables:?}");
    }

    #[test]
    fn a_function_has_its_variables_with_defaults_and_logical_ids() {
        let (variables, memory) = Template::of_project().function("deliver");
        assert_eq!(variables["LOG_LEVEL"], "info");
        assert_eq!(variables["LOG_TABLE"], "LogTable");
        assert_eq!(variables["SECRETS_KEY_ID"], "SecretsKey");
        assert!(variables["FAILING_AFTER"].parse::<u32>().is_ok(), "{variables:?}");
        assert!(memory >= 128);
    }

    #[test]
    fn references_and_parameters_are_followed() {
        let template = Template::of_project();
        let queues = template.queues();
        let redrive = queues["EventsQueue"].redrive.as_ref().unwrap();
        assert_eq!(redrive.dead_letter_queue, "EventsDeadLetterQueue");
        assert!(queues.contains_key(&redrive.dead_letter_queue));
        assert!(redrive.max_receive_count > 0);
        let rule = template.rule();
        assert_eq!((rule.bus.as_str(), rule.queue.as_str()), ("EventBus", "EventsQueue"));
        assert_eq!(rule.source_prefix, "dodev.");
        assert!(queues.contains_key(&rule.dead_letter_queue));
        assert!(template.batch_size("DeliveriesQueue") > 0);
    }
}
