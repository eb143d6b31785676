"""A session with a client made by openapi-python-client: sign up, log in, create, list, update, complete, delete."""

import sys

from taskwell_client import AuthenticatedClient, Client
from taskwell_client.api.v1 import create_task, delete_task, list_tasks, login, patch_task, sign_up, update_task
from taskwell_client.models import Login, NewTask, SignUp, TaskUpdate

base = sys.argv[1]
password = "analytical engine 1843"


def must(answer, status):
    assert answer.status_code == status, (answer.status_code, answer.content)
    return answer.parsed


anybody = Client(base_url=base)
account = SignUp(username="python", email="python@example.org", password=password)
must(sign_up.sync_detailed(client=anybody, body=account), 201)
tokens = must(login.sync_detailed(client=anybody, body=Login(email="python@example.org", password=password)), 200)
client = AuthenticatedClient(base_url=base, token=tokens.access_token)
task = must(create_task.sync_detailed(client=client, body=NewTask(title="typed")), 201)
listed = must(list_tasks.sync_detailed(client=client, limit=10), 200)
assert [found.id for found in listed] == [task.id]
renamed = must(update_task.sync_detailed(task.id, client=client, body=TaskUpdate(title="renamed")), 200)
assert renamed.title == "renamed"
done = must(patch_task.sync_detailed(task.id, client=client, body=TaskUpdate(completed=True)), 200)
assert done.completed and done.status == "completed"
must(delete_task.sync_detailed(task.id, client=client), 204)
print("a session with the Python client went well")
