// A session with a client made by openapi-typescript: sign up, log in, create, list, update, complete, delete.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

const client = createClient<paths>({ baseUrl: process.argv[2] });

function must<T>(answer: { data?: T; error?: unknown; response: Response }, status: number): T {
  if (answer.response.status !== status) {
    throw new Error(`${answer.response.url}: ${answer.response.status} ${JSON.stringify(answer.error)}`);
  }
  return answer.data as T;
}

const password = "analytical engine 1843";
const account = { username: "typescript", email: "typescript@example.org", password };
must(await client.POST("/api/v1/auth/signup", { body: account }), 201);
const tokens = must(await client.POST("/api/v1/auth/login", { body: { email: account.email, password } }), 200);
client.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${tokens.access_token}`);
  },
});
const task = must(await client.POST("/api/v1/tasks", { body: { title: "typed", priority: "high" } }), 201);
const list = must(await client.GET("/api/v1/tasks", { params: { query: { status: "pending", limit: 10 } } }), 200);
if (list.length !== 1 || list[0].id !== task.id) throw new Error("the list lacks the task");
const params = { path: { task_id: task.id } };
const renamed = must(await client.PUT("/api/v1/tasks/{task_id}", { params, body: { title: "renamed" } }), 200);
if (renamed.title !== "renamed") throw new Error("the title stayed");
const done = must(await client.PATCH("/api/v1/tasks/{task_id}", { params, body: { completed: true } }), 200);
if (!done.completed || done.status !== "completed") throw new Error("the task is not completed");
must(await client.DELETE("/api/v1/tasks/{task_id}", { params }), 204);
console.log("a session with the TypeScript client went well");
