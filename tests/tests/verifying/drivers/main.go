package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"sample/webhook"
)

func main() {
	calls, err := os.Open("calls.tsv")
	check(err)
	lines := bufio.NewScanner(calls)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		now, err := strconv.ParseInt(fields[3][1:], 10, 64)
		check(err)
		// What is missing is empty to http.Header.Get.
		if webhook.Verify(string(decode(fields[0])), decode(fields[1]), string(decode(fields[2])), time.Unix(now, 0)) {
			fmt.Println("accepted")
		} else {
			fmt.Println("refused")
		}
	}
	check(lines.Err())
}

func decode(field string) []byte {
	bytes, err := base64.StdEncoding.DecodeString(field[1:])
	check(err)
	return bytes
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
