# One job of `trine queue receive --exec`: the body comes on standard input, the log's name in TRINE_JOB_LOG.
read -r job kind path
echo "start $job $TRINE_RECEIVE_COUNT" >>"$TRINE_JOB_LOG"
[ -r "$path" ] || exit 1
case $kind in
sha256) result=$(sha256sum <"$path") && result=${result%% *} ;;
*) result=$(gzip -c <"$path" | wc -c) ;;
esac || exit 1
echo "done $job $result" >>"$TRINE_JOB_LOG"
