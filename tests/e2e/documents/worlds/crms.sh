# The installed leadsync with two CRMs, Marketo, a table and Partner Center, made ready; two referrals came.
. "$REHEARSAL_STAND_INS/../worlds/installed.sh"
connect salesforce contoso-sales 's|3MVG9\.\.|3MVG9contoso|'
connect dynamics365 dynamics365
connect marketo marketo
connect azure-table azure-table
connect partner-center partner-center 's|00000000-0000-0000-0000-000000000000|00000000-0000-0000-0000-000000000001|; /^\[webhook/,$d'
leadsync provision contoso-sales dynamics365 marketo --apply >/dev/null
sign-in partner-center
curl -sS --fail http://townhall/refer/sue@fabrikam.example >/dev/null
curl -sS --fail http://townhall/refer/tom@fabrikam.example >/dev/null
systemctl restart leadsync
post linus crm-basic
for _ in $(seq 200); do
  [ "$(leadsync --json referrals | python3 -c 'import json,sys; print(len(json.load(sys.stdin)))')" = 2 ] &&
    [ "$(leadsync --json status | python3 -c 'import json,sys; print(json.load(sys.stdin)["deliveries"]["pending"])')" = 0 ] && break
  sleep 0.05
done
