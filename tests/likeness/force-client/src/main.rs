//! Drives the simulated Salesforce through the crate `force`, as any of its users would, and prints
//! what came back: one line of JSON for each step.
//!
//! `LIKENESS_URL` says where, `LIKENESS_KEY` signs assertions.

use std::error::Error;

use force::api::RestOperation;
use force::api::bulk::{IngestJob, JobOperation};
use force::auth::{Authenticator, ClientCredentials, JwtBearerFlow};
use force::client::{ForceClient, builder};
use serde_json::{Value, json};

const KEY: &str = "Marketplace_Lead_Id__c";

type Outcome = Result<(), Box<dyn Error>>;

fn tell(step: &str, told: impl Into<Value>) {
    println!("{}", json!({ "step": step, "told": told.into() }));
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let url = std::env::var("LIKENESS_URL")?;
    let signed = JwtBearerFlow::new(
        "CK",
        "integration@acme.example",
        std::env::var("LIKENESS_KEY")?,
        "https://login.salesforce.com",
        format!("{url}/services/oauth2/token"),
    )?;
    let crm = builder().authenticate(signed).build().await?;
    tell("jwt", daily_limit(&crm).await?);

    let crm = builder()
        .authenticate(ClientCredentials::new_my_domain("CK", "CS", &url))
        .build()
        .await?;
    one_by_one(&crm).await?;
    queries(&crm).await?;
    many(&crm).await
}

async fn one_by_one<A: Authenticator>(crm: &ForceClient<A>) -> Outcome {
    let rest = crm.rest();
    let person = json!({ "LastName": "One", "Company": "Contoso" });
    let made = rest.create("Lead", &person).await?;
    tell("create", made.success);
    let id = made.id.ok_or("no id")?;
    for (step, key) in [
        ("upsert new", "rs-1"),
        ("upsert known", "rs-1"),
        ("upsert awkward", "new a/b?c#d+é"),
    ] {
        tell(step, rest.upsert("Lead", KEY, key, &person).await?.created);
    }
    rest.update("Lead", &id, &json!({ "Title": "CTO" })).await?;
    tell("read", rest.get("Lead", &id).await?["Title"].clone());
    rest.delete("Lead", &id).await?;
    tell("gone", rest.get("Lead", &id).await.is_err());
    let field = json!({ "FullName": "Lead.From_Rust__c",
        "Metadata": { "type": "Text", "length": 80, "label": "From Rust" } });
    tell(
        "custom field",
        crm.tooling().create("CustomField", &field).await?.success,
    );
    Ok(())
}

async fn daily_limit<A: Authenticator>(crm: &ForceClient<A>) -> Result<Value, Box<dyn Error>> {
    let limits = crm.rest().limits().await?;
    let daily = limits.daily_api_requests.ok_or("no daily limit")?;
    Ok(json!(daily.max))
}

async fn queries<A: Authenticator>(crm: &ForceClient<A>) -> Outcome {
    let rest = crm.rest();
    for n in 2..5 {
        rest.upsert(
            "Lead",
            KEY,
            &format!("rs-{n}"),
            &json!({ "LastName": "S", "Company": "C" }),
        )
        .await?;
    }
    let mut page = rest
        .query::<Value>("SELECT Id, LastName FROM Lead ORDER BY Id")
        .await?;
    let mut pages = vec![page.records.len()];
    while let Some(next) = page.next_records_url.clone() {
        page = rest.query_more(&next).await?;
        pages.push(page.records.len());
    }
    tell("query", json!({ "total": page.total_size, "pages": pages }));
    let described = rest.describe("Lead").await?;
    let field = described
        .fields
        .iter()
        .find(|field| field.name == KEY)
        .ok_or("no key field")?;
    tell(
        "describe",
        json!({ "externalId": field.external_id, "unique": field.unique, "length": field.length }),
    );
    tell("limits", daily_limit(crm).await?);
    tell(
        "versions",
        rest.versions().await?.iter().any(|it| it.version == "62.0"),
    );
    Ok(())
}

async fn many<A: Authenticator>(crm: &ForceClient<A>) -> Outcome {
    let parts = crm.composite().batch().halt_on_error(false);
    let parts = parts.post("Lead", json!({ "LastName": "Batch", "Company": "Contoso" }))?;
    let parts = parts.post("Lead", json!({ "LastName": "Batch" }))?;
    let told = parts.execute().await?;
    let statuses: Vec<_> = told.results.iter().map(|result| result.status_code).collect();
    tell(
        "batch",
        json!({ "hasErrors": told.has_errors, "statuses": statuses }),
    );

    let bulk = crm.bulk();
    let job = IngestJob::create(&bulk, "Lead", JobOperation::Upsert, Some(KEY.to_owned())).await?;
    let rows = format!("{KEY},LastName,Company\nrs-bulk-1,Smith,\"Acme, \"\"Inc\"\"\"\nrs-bulk-2,Jones,\n");
    let job = job
        .upload(rows)
        .await?
        .close()
        .await?
        .poll_until_complete()
        .await?;
    let text = |bytes: Vec<u8>| {
        String::from_utf8_lossy(&bytes)
            .lines()
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    tell("bulk done", text(job.successful_results().await?));
    tell("bulk failed", text(job.failed_results().await?));
    tell("bulk left", text(job.unprocessed_results().await?));
    Ok(())
}
