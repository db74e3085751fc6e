# The installed leadsync with two CRMs, Marketo, a table and Partner Center, made ready; two referrals came.
. "$REHEARSAL_STAND_INS/../worlds/installed.sh"
(
  umask 077
  for name in salesforce dynamics365 marketo-client-secret; do
    printf %s rehearsal-client-secret-0123456789 >"/etc/leadsync/credentials/$name"
  done
  printf %s rehearsal-client-id >/etc/leadsync/credentials/marketo-client-id
  printf %s rehearsal-vault-key-0123456789abcdef >/etc/leadsync/credentials/partner-center-key
  printf %s "DefaultEndpointsProtocol=https;AccountName=contosoleads;AccountKey=cmVoZWFyc2FsLXRhYmxlLWtleS0wMTIzNDU2Nzg5YWI=;EndpointSuffix=core.windows.net" \
    >/etc/leadsync/credentials/azure-table
)
hand_over
systemctl daemon-reload
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
