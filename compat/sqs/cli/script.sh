# Every SQS command of the aws CLI, as in its documentation's examples. Started by run.
set -uo pipefail
export AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_PAGER= AWS_MAX_ATTEMPTS=1
passed=0 failed=0

# is WHAT WANTED GOT
is() {
    if [[ "$2" == "$3" ]]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf 'FAILED %s\n  wanted: %q\n  got:    %q\n' "$1" "$2" "$3"
    fi
}
# matches WHAT PATTERN GOT
matches() {
    if [[ "$3" =~ $2 ]]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf 'FAILED %s\n  wanted something like: %s\n  got: %q\n' "$1" "$2" "$3"
    fi
}
sqs() { timeout 60 aws --endpoint-url "http://$TRINE_AWS" --output text sqs "$@" 2>&1; }

n="cli-$$-$RANDOM"
account=000000000000
q=$(sqs create-queue --queue-name "$n" --attributes VisibilityTimeout=30 --tags env=dev)
dead=$(sqs create-queue --queue-name "$n-dead")
fifo=$(sqs create-queue --queue-name "$n.fifo" --attributes FifoQueue=true,ContentBasedDeduplication=true)
matches create-queue "^http://$TRINE_AWS/[0-9]{12}/$n\$" "$q"
account=$(cut -d/ -f4 <<<"$q")
is get-queue-url "$q" "$(sqs get-queue-url --queue-name "$n")"
is list-queues "$q $dead $fifo" "$(sqs list-queues --queue-name-prefix "$n" --query 'QueueUrls[]' | tr '\t' ' ')"
is "list-queues by page" 3 "$(sqs list-queues --queue-name-prefix "$n" --page-size 1 --query 'QueueUrls[]' | wc -w)"
is list-queue-tags dev "$(sqs list-queue-tags --queue-url "$q" --query Tags.env)"
is tag-queue "" "$(sqs tag-queue --queue-url "$q" --tags a=b,c=d)"
is untag-queue "" "$(sqs untag-queue --queue-url "$q" --tag-keys a env)"
is "tags left" d "$(sqs list-queue-tags --queue-url "$q" --query 'Tags.*')"

sent=$(sqs send-message --queue-url "$q" --message-body 'Information about the largest city in Any Region.' \
    --message-attributes '{"City": {"DataType": "String", "StringValue": "Any City"}}' --query MessageId)
matches send-message '^[0-9a-f-]{36}$' "$sent"
read -r id handle body <<<"$(sqs receive-message --queue-url "$q" --message-attribute-names All --query 'Messages[0].[MessageId,ReceiptHandle,Body]')"
is receive-message "$sent Information about the largest city in Any Region." "$id $body"
is "an empty receive" None "$(sqs receive-message --queue-url "$q" --query Messages)"
is change-message-visibility "" "$(sqs change-message-visibility --queue-url "$q" --receipt-handle "$handle" --visibility-timeout 0)"
handle=$(sqs receive-message --queue-url "$q" --wait-time-seconds 2 --query 'Messages[0].ReceiptHandle')
is delete-message "" "$(sqs delete-message --queue-url "$q" --receipt-handle "$handle")"

is send-message-batch "a b" "$(sqs send-message-batch --queue-url "$q" --entries Id=a,MessageBody=one Id=b,MessageBody=two --query 'Successful[].Id' | tr '\t' ' ')"
handles=$(sqs receive-message --queue-url "$q" --max-number-of-messages 10 --query 'Messages[].ReceiptHandle')
read -r one two <<<"$handles"
is change-message-visibility-batch "x y" "$(sqs change-message-visibility-batch --queue-url "$q" \
    --entries "Id=x,ReceiptHandle=$one,VisibilityTimeout=100" "Id=y,ReceiptHandle=$two,VisibilityTimeout=100" --query 'Successful[].Id' | tr '\t' ' ')"
is "not visible" 2 "$(sqs get-queue-attributes --queue-url "$q" --attribute-names All --query Attributes.ApproximateNumberOfMessagesNotVisible)"
is delete-message-batch "x" "$(sqs delete-message-batch --queue-url "$q" --entries "Id=x,ReceiptHandle=$one" "Id=y,ReceiptHandle=rubbish" --query 'Successful[].Id')"
is purge-queue "" "$(sqs purge-queue --queue-url "$q")"

dead_arn=$(sqs get-queue-attributes --queue-url "$dead" --attribute-names QueueArn --query Attributes.QueueArn)
is "an ARN" "arn:aws:sqs:us-east-1:$account:$n-dead" "$dead_arn"
is set-queue-attributes "" "$(sqs set-queue-attributes --queue-url "$q" --attributes "{\"RedrivePolicy\": \"{\\\"deadLetterTargetArn\\\":\\\"$dead_arn\\\",\\\"maxReceiveCount\\\":\\\"1\\\"}\"}")"
is list-dead-letter-source-queues "$q" "$(sqs list-dead-letter-source-queues --queue-url "$dead" --query 'queueUrls[]')"
sqs send-message --queue-url "$q" --message-body poison >/dev/null
is "its only delivery" poison "$(sqs receive-message --queue-url "$q" --visibility-timeout 0 --query 'Messages[0].Body')"
is "then it moves" None "$(sqs receive-message --queue-url "$q" --query Messages)"
matches start-message-move-task . "$(sqs start-message-move-task --source-arn "$dead_arn" --query TaskHandle)"
for _ in $(seq 20); do [[ $(sqs list-message-move-tasks --source-arn "$dead_arn" --query 'Results[0].Status') == COMPLETED ]] && break; done
is list-message-move-tasks "COMPLETED 1" "$(sqs list-message-move-tasks --source-arn "$dead_arn" --query 'Results[0].[Status,ApproximateNumberOfMessagesMoved]' | tr '\t' ' ')"
matches cancel-message-move-task 'InvalidParameterValue|ResourceNotFound' "$(sqs cancel-message-move-task --task-handle rubbish)"

is add-permission "" "$(sqs add-permission --queue-url "$q" --label one --aws-account-ids 111111111111 --actions SendMessage)"
matches "the policy" '"Sid": ?"one"' "$(sqs get-queue-attributes --queue-url "$q" --attribute-names Policy --query Attributes.Policy)"
is remove-permission "" "$(sqs remove-permission --queue-url "$q" --label one)"

for body in a b a; do sqs send-message --queue-url "$fifo" --message-group-id g --message-body "$body" >/dev/null; done
is "fifo, deduplicated" "a b" "$(sqs receive-message --queue-url "$fifo" --max-number-of-messages 10 --query 'Messages[].Body' | tr '\t' ' ')"

for url in "$q" "$dead" "$fifo"; do is delete-queue "" "$(sqs delete-queue --queue-url "$url")"; done
matches "a queue that is gone" 'AWS.SimpleQueueService.NonExistentQueue' "$(sqs get-queue-url --queue-name "$n")"
echo "aws cli: $passed passed, $failed failed"
[[ $failed -eq 0 ]]
