#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What serve.sh asks a running server: studio_client.py LINK COMMAND [ARGUMENTS...], LINK as the server printed it.

  status METHOD PATH [TOKEN]     the status of a request without credentials, or with this token
  upload FILE                    the sha of a picture
  submit BODY                    the id of a generate job; BODY is the request's JSON
  wait ID STATE                  until the job has the state; fails when it ends in another one
  cancel ID                      asks for it
  field ID NAME                  a member of the job as JSON
  watch BODY                     listens to the events, submits the request and waits until they tell of its end: its id and
                                 the types that came, one a line
  rerun IMAGE                    the id of the job that makes it again
  images                         ids of the gallery's pictures, with their jobs
  fetch SHA FILE                 the bytes of an asset
"""
import json
import sys
import time
import urllib.error
import urllib.request

LIMIT_SECONDS = 90


class Studio:
    def __init__(self, link):
        self.address, _, fragment = link.strip().partition("/#")
        self.token = fragment.removeprefix("token=")

    def open(self, method, path, body=None, media_type="application/json", token=None):
        request = urllib.request.Request(self.address + path, method=method, data=body)
        if body is not None:
            request.add_header("Content-Type", media_type)
        secret = self.token if token is None else token
        if secret:
            request.add_header("Authorization", "Bearer " + secret)
        return urllib.request.urlopen(request, timeout=LIMIT_SECONDS)

    def call(self, method, path, value=None, **more):
        body = None if value is None else json.dumps(value).encode()
        with self.open(method, path, body, **more) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def status(self, method, path, token=""):
        try:
            with self.open(method, path, token=token) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def job(self, job):
        return self.call("GET", "/api/v1/jobs/" + job)

    def wait(self, job, state):
        end = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < end:
            now = self.job(job)["state"]
            if now == state:
                return
            if now in ("done", "failed", "cancelled", "dead"):
                sys.exit(f"the job is {now}, not {state}: {self.job(job)['error']}")
            time.sleep(0.05)
        sys.exit(f"the job is {now} after {LIMIT_SECONDS} s, not {state}")

    def submit(self, request):
        return self.call("POST", "/api/v1/jobs", {"kind": "generate", "request": request})["id"]

    def watch(self, request):
        """The job and the types of the events until it has ended and its pictures were told, each once."""
        types, images, end = [], None, time.monotonic() + LIMIT_SECONDS
        with self.open("GET", "/api/v1/events") as stream:
            job = self.submit(request)
            for line in stream:  # there is one every 15 seconds
                if time.monotonic() > end:
                    sys.exit(f"no event tells that the job has ended after {LIMIT_SECONDS} s: {types}")
                if not line.startswith(b"data:"):
                    continue
                event = json.loads(line[5:])
                if event["type"] not in types:
                    types.append(event["type"])
                about = event.get("job")
                if isinstance(about, dict) and about["id"] == job and about["finished"]:
                    images = len(about["images"])
                if event["type"] == "image" and event["image"]["job"] == job:
                    images -= 1
                if images == 0:
                    return [job] + types
        sys.exit("the server has ended the stream of events")

    def images(self):
        found, cursor = [], ""
        while True:
            page = self.call("GET", "/api/v1/images?limit=200" + (f"&cursor={cursor}" if cursor else ""))
            found += page["images"]
            cursor = page["next"]
            if not cursor:
                return found


def main():
    studio, command, arguments = Studio(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if command == "status":
        print(studio.status(*arguments))
    elif command == "upload":
        with open(arguments[0], "rb") as file:
            with studio.open("PUT", "/api/v1/assets", file.read(), "image/png") as answer:
                print(json.load(answer)["sha"])
    elif command == "submit":
        print(studio.submit(json.loads(arguments[0])))
    elif command == "wait":
        studio.wait(*arguments)
    elif command == "cancel":
        studio.call("DELETE", "/api/v1/jobs/" + arguments[0])
    elif command == "field":
        print(json.dumps(studio.job(arguments[0]).get(arguments[1])))
    elif command == "watch":
        print("\n".join(studio.watch(json.loads(arguments[0]))))
    elif command == "rerun":
        print(studio.call("POST", f"/api/v1/images/{arguments[0]}/rerun", {})["id"])
    elif command == "images":
        for image in studio.images():
            print(image["id"], image["job"])
    elif command == "fetch":
        with studio.open("GET", "/api/v1/assets/" + arguments[0]) as answer, open(arguments[1], "wb") as file:
            file.write(answer.read())
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
