//! Salesforce as a connector sees it: tokens, records, bulk jobs, queries, limits and faults.
