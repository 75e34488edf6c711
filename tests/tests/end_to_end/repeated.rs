//! Requests that are sent again, where the functions have only the rights that the template gives them.

use minreq::Method::Post;
use serde_json::{Value, json};

use crate::support::{Answer, Customer, Receiver, Reply, api, customer::text};

impl Customer<'_> {
    /// Calls the API with an idempotency key.
    fn call_once(&self, idempotency_key: &str, path: &str, body: &Value) -> Answer {
        let request = api::request(Post, format!("{}{path}", self.stack.env().base_url()), Some(body));
        let request = request.with_header("Authorization", format!("Bearer {}", self.organization.key));
        Answer::of(request.with_header("Idempotency-Key", idempotency_key))
    }
}

#[test]
fn a_creation_that_is_sent_again_makes_one_endpoint_and_shows_its_secret_again() {
    let customer = Customer::new("repeated");
    let receiver = Receiver::start(Reply::Status(200));
    let wanted = json!({ "url": receiver.url(), "enabled_events": ["send.*"] });

    // What is refused leaves the key free for what is right.
    let wrong = json!({ "url": "ftp://example.com/", "enabled_events": ["send.*"] });
    customer.call_once("first endpoint", "/v1/webhooks", &wrong).expect(400);
    let created = customer.call_once("first endpoint", "/v1/webhooks", &wanted).expect(201);
    customer.keeps_secret(&text(&created, "signing_secret"));

    let again = customer.call_once("first endpoint", "/v1/webhooks", &wanted).expect(201);
    assert_eq!(created, again);
    let listed = customer.get("/v1/webhooks");
    assert_eq!(listed["endpoints"].as_array().unwrap().len(), 1, "{listed}");

    let other = json!({ "url": receiver.url(), "enabled_events": ["*"] });
    let refused = customer.call_once("first endpoint", "/v1/webhooks", &other).expect(409);
    assert_eq!(refused["code"], "idempotency_key_reused");
}
