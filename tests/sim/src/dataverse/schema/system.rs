//! Users, messages and webhooks: rows of the platform itself.

use super::{Kind, Table};

pub(super) fn tables() -> Vec<Table> {
    vec![
        user(),
        team(),
        campaign(),
        message(),
        message_filter(),
        endpoint(),
        step(),
    ]
}

fn user() -> Table {
    Table::new("systemuser", "systemusers", "SystemUser", "fullname")
        .keyed("systemuserid")
        .text(200, &["fullname", "domainname"])
        .text(36, &["applicationid", "azureactivedirectoryobjectid"])
        .many(&["isdisabled"], &Kind::Boolean)
        .untracked()
}

fn team() -> Table {
    Table::new("team", "teams", "Team", "name")
        .keyed("teamid")
        .text(160, &["name"])
        .untracked()
}

fn campaign() -> Table {
    Table::new("campaign", "campaigns", "Campaign", "name")
        .keyed("campaignid")
        .text(128, &["name"])
        .untracked()
}

fn message() -> Table {
    Table::new("sdkmessage", "sdkmessages", "SdkMessage", "name")
        .keyed("sdkmessageid")
        .text(256, &["name"])
        .untracked()
}

fn message_filter() -> Table {
    let table = Table::new(
        "sdkmessagefilter",
        "sdkmessagefilters",
        "SdkMessageFilter",
        "name",
    );
    table
        .keyed("sdkmessagefilterid")
        .text(256, &["name"])
        .text(64, &["primaryobjecttypecode"])
        .lookup("sdkmessageid", &["sdkmessage"])
        .untracked()
}

fn endpoint() -> Table {
    Table::new("serviceendpoint", "serviceendpoints", "ServiceEndpoint", "name")
        .keyed("serviceendpointid")
        .text(256, &["name"])
        .text(2048, &["url", "authvalue"])
        .choice("contract", &[(8, "Webhook")])
        .choice(
            "authtype",
            &[(4, "WebhookKey"), (5, "HttpHeader"), (6, "HttpQueryString")],
        )
        .untracked()
}

fn step() -> Table {
    let table = Table::new(
        "sdkmessageprocessingstep",
        "sdkmessageprocessingsteps",
        "SdkMessageProcessingStep",
        "name",
    );
    table
        .keyed("sdkmessageprocessingstepid")
        .text(256, &["name", "description"])
        .many(&["filteringattributes"], &Kind::Memo(100_000))
        .choice(
            "stage",
            &[
                (10, "Pre-validation"),
                (20, "Pre-operation"),
                (40, "Post-operation"),
            ],
        )
        .choice("mode", &[(0, "Synchronous"), (1, "Asynchronous")])
        .choice("supporteddeployment", &[(0, "ServerOnly")])
        .many(&["rank"], &Kind::Integer(1, i64::from(i32::MAX)))
        .many(&["asyncautodelete"], &Kind::Boolean)
        .forked("eventhandler", &[&["serviceendpoint"]])
        .lookup("sdkmessageid", &["sdkmessage"])
        .lookup("sdkmessagefilterid", &["sdkmessagefilter"])
        .untracked()
}
