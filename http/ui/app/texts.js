// Every text of the page, in English. Another language is another object of this shape.

const numbers = new Intl.NumberFormat();
/** A number as the reader writes it. @param {number} n */
export const numberWords = (n) => numbers.format(n);

/** @param {number} n @param {string} one @param {string} many */
const count = (n, one, many) => `${numberWords(n)} ${n === 1 ? one : many}`;
const tasks = (/** @type {number} */ n) => count(n, "task", "tasks");

export const t = {
  name: "Taskwell",
  tagline: "Your tasks, on your own server.",
  views: { today: "Today", tasks: "Tasks", board: "Board", done: "Done", settings: "Settings", people: "People", audit: "Audit log" },
  nav: { label: "Views", menu: "Menu", skip: "Skip to the tasks", signOut: "Sign out", help: "Keyboard shortcuts", account: "Account", admin: "Administration" },
  due: {
    yesterday: "Yesterday", today: "Today", tomorrow: "Tomorrow", justNow: "just now",
    none: "No date", label: "Due", date: "Due date", time: "Time", clear: "No date",
    nextWeek: "Next week", weekend: "Weekend",
  },
  groups: { overdue: "Overdue", today: "Today", tomorrow: "Tomorrow", week: "This week", later: "Later", none: "No date", done: "Done", all: "Tasks" },
  status: { label: "Status", pending: "To do", in_progress: "In progress", completed: "Done" },
  priority: { label: "Priority", low: "Low", medium: "Medium", high: "High", urgent: "Urgent" },
  sort: { label: "Sort by", due: "By due date", newest: "Newest first", oldest: "Oldest first", priority: "By priority", title: "By title", updated: "Last changed" },
  filter: { status: "Show", open: "Open", all: "All", priority: "Priority", any: "Any priority", search: "Search", clear: "Clear filters" },
  add: {
    label: "Add a task", placeholder: "Add a task, such as “pay rent tomorrow 9:00 !high”", short: "Add a task…",
    understood: "Understood as", hint: "Enter adds it. Try “friday 14:00” or “!high”.", plain: (/** @type {string} */ text) => `Take “${text}” as plain text`, button: "Add",
    tooLong: (/** @type {number} */ n) => `${n} characters; a title has 200 at most`,
    empty: "A task needs a title besides the date and priority",
  },
  task: {
    title: "Title", notes: "Notes", notesHint: "Notes", complete: (/** @type {string} */ s) => `Complete “${s}”`,
    reopen: (/** @type {string} */ s) => `Reopen “${s}”`, open: (/** @type {string} */ s) => `Edit “${s}”`, select: (/** @type {string} */ s) => `Select “${s}”`,
    close: "Close", remove: "Delete", created: (/** @type {string} */ s) => `Created ${s}`, completed: (/** @type {string} */ s) => `Done ${s}`,
    waiting: "Not saved on the server yet", hasNotes: "Has notes", overdue: "Overdue", titleNeeded: "A task needs a title.",
    move: "Move to", conflict: "Changed elsewhere: choose a version",
  },
  list: {
    left: (/** @type {number} */ n) => (n === 0 ? "Nothing left" : `${tasks(n)} left`),
    shown: (/** @type {number} */ n) => `${tasks(n)} found`, label: "Tasks", loading: "Loading your tasks…",
    emptyTitle: "A clear list", empty: "Add a task above. Words such as “tomorrow 9:00” and “!high” are understood.",
    todayTitle: "Nothing due today", today: "Overdue tasks and those due today gather here.",
    noneFoundTitle: "Nothing matches", noneFound: "Try other words or clear the filters.",
    doneTitle: "Nothing done yet", done: "Completed tasks gather here.", column: "No tasks",
  },
  bulk: {
    label: "Selected tasks", selected: (/** @type {number} */ n) => `${count(n, "task", "tasks")} selected`, complete: "Complete", reopen: "Reopen",
    due: "Due…", priority: "Priority…", status: "Status…", remove: "Delete", clear: "Clear selection",
  },
  toast: {
    label: "Notices", undo: "Undo", dismiss: "Dismiss", deleted: (/** @type {string} */ s) => `“${s}” deleted`, deletedMany: (/** @type {number} */ n) => `${tasks(n)} deleted`,
    changedMany: (/** @type {number} */ n) => `${tasks(n)} changed`, completedMany: (/** @type {number} */ n) => `${tasks(n)} completed`,
    completed: (/** @type {string} */ s) => `“${s}” completed`, undone: "Undone", nothingToUndo: "Nothing to undo",
    added: (/** @type {string} */ s) => `“${s}” added`,
    refused: (/** @type {string} */ title, /** @type {string} */ why) => `“${title}” could not be saved: ${why}`,
    update: "A new version of Taskwell is ready", reload: "Reload",
    quota: "This browser keeps nothing more: changes are sent while you are online, but not kept offline.",
    signOutLoss: (/** @type {number} */ n) => `${count(n, "change was", "changes were")} not sent yet and will be lost. Sign out nevertheless?`,
  },
  net: {
    offline: "Offline", waiting: (/** @type {number} */ n) => (n === 0 ? "Offline: changes are kept here" : `Offline: ${count(n, "change waits", "changes wait")}`),
    sending: (/** @type {number} */ n) => `${count(n, "change", "changes")} on the way`, back: "Online again", unreachable: "The server does not answer",
    retry: "Try again",
  },
  conflict: {
    title: "Changed in two places", lead: (/** @type {string} */ s) => `“${s}” was changed elsewhere while your change waited.`,
    gone: (/** @type {string} */ s) => `“${s}” was deleted elsewhere while your change waited.`,
    removed: (/** @type {string} */ s) => `“${s}” was changed elsewhere since you deleted it.`,
    mine: "Your version", theirs: "The other version", keepMine: "Keep mine", keepTheirs: "Keep the other",
    restore: "Add it again", letGo: "Let it go", deleteAnyway: "Delete it anyway", keepIt: "Keep it", review: "Review",
    badge: (/** @type {number} */ n) => count(n, "conflict", "conflicts"), empty: "empty", deleted: "Deleted", before: "Before",
  },
  help: {
    title: "Keyboard shortcuts", close: "Close",
    groups: [
      ["Everywhere", [["n", "Add a task"], ["/", "Search"], ["g then t, a, b, d", "Today, Tasks, Board, Done"], ["z", "Undo"], ["?", "These shortcuts"], ["Esc", "Close, or clear the selection"]]],
      ["In the list", [["↑ ↓ or k j", "Move"], ["Space or c", "Complete or reopen"], ["Enter or e", "Edit"], ["1 2 3 4", "Urgent, high, medium, low"], ["s", "Next status"], ["t", "Due today"], ["m", "Due tomorrow"], ["Delete", "Delete"]]],
      ["Many at once", [["x", "Select"], ["Shift ↑ ↓", "Select a range"], ["Ctrl A", "Select all"]]],
      ["On the board", [["← →", "Move between columns"], ["Shift ← →", "Move the task"]]],
    ],
  },
  auth: {
    signIn: "Sign in", signUp: "Sign up", signInTitle: "Sign in to Taskwell", signUpTitle: "Create your account",
    login: "Email or username", email: "Email", username: "Username", usernameHint: "Letters, digits and . _ - , up to 64.", name: "Name", optional: "optional",
    password: "Password", newPassword: "New password", currentPassword: "Current password", show: "Show", hide: "Hide",
    showPassword: "Show password", code: "Code from your authenticator", codeHint: "Six digits, or one of your recovery codes.",
    forgot: "Forgot your password?", toSignUp: "New here?", toSignIn: "Have an account?", forgotTitle: "Reset your password",
    forgotLead: "We send a link to your address. It works once.", forgotSend: "Send the link",
    forgotSent: "If an account has this address, a link is on its way.", mailOff: "This server sends no mail. Ask whoever runs it to reset your password.",
    back: "Back to sign in", expired: "Your session has ended. Sign in again to go on.", expiredWaiting: (/** @type {number} */ n) => `Your session has ended. Sign in again: ${count(n, "change waits", "changes wait")} to be sent.`,
    wrong: "Wrong address, username or password.", codeNeeded: "Enter the code of your authenticator.", unverified: "Verify your address first: a link was sent to it.",
    resend: "Send it again", points: ["Quick to add, quick to find, all from the keyboard", "Works offline, and on every device at once", "Your server, your data, no trackers"],
    welcome: (/** @type {string} */ name) => `Welcome, ${name}`, verifyTitle: "Verify your address", resetTitle: "Choose a new password", reset: "Set the password", resetDone: "The password is set. Sign in with it.",
  },
  rules: {
    label: "A password has", length: (/** @type {number} */ n) => `at least ${n} characters`, bytes: "at most 72 bytes",
    uncommon: "nothing commonly used", own: "not your own name or address", met: "met", unmet: "not met yet",
  },
  settings: {
    title: "Settings", profile: "Profile", save: "Save", saved: "Saved", verified: "verified", unverified: "not verified", verifyNow: "Send a link to verify it", verifySent: "A link is on its way.",
    password: "Password", changePassword: "Change password", passwordChanged: (/** @type {number} */ n) => `Password changed. Other sessions were ended${n === 0 ? "" : `, and ${count(n, "access token", "access tokens")}`}.`,
    keepTokens: "Keep tokens that programs use", emailProof: "Another address needs your password.",
    sessions: "Sessions", sessionsLead: "Where you are signed in.", current: "This one", lastUsed: (/** @type {string} */ s) => `Last used ${s}`, end: "End", endNamed: (/** @type {string} */ s) => `End ${s}`, endAll: "Sign out everywhere",
    tokens: "Access tokens", tokensLead: "For scripts and other programs, instead of your password.", tokenName: "Name", tokenDays: "Expires after", days: (/** @type {number} */ n) => count(n, "day", "days"), scopes: "May", makeToken: "Create token",
    scope: { "tasks:read": "read tasks", "tasks:write": "change tasks", "account:read": "read the account", admin: "administer" },
    tokenMade: "Copy it now: it is not shown again.", copy: "Copy", copied: "Copied", revoke: "Revoke", revokeNamed: (/** @type {string} */ s) => `Revoke ${s}`, noTokens: "No tokens.", neverUsed: "Never used", expires: (/** @type {string} */ s) => `Expires ${s}`,
    totp: "Two-factor sign-in", totpLead: "Besides your password, a code from an authenticator app.", totpOn: "Two-factor sign-in is on.", totpOff: "Turn off", totpStart: "Set up", totpScan: "Scan this with your authenticator app, then enter the code that it shows.",
    totpSecret: "Or enter this key:", totpConfirm: "Turn on", totpCodes: "Recovery codes", totpCodesLead: "Each works once when your authenticator is lost. Keep them somewhere safe; they are not shown again.", totpDone: "I have kept them", qr: "QR code for your authenticator app", totpDisabled: "Two-factor sign-in is off.",
    data: "Your data", dataLead: "Everything in one JSON file.", export: "Export", exported: "Your data was exported.",
    remove: "Delete account", removeLead: "Your account and all its tasks are deleted at once and for good.", removeButton: "Delete my account", removeSure: "Delete for good", cancel: "Cancel",
    offlineOnly: "This needs the server, which does not answer at the moment.",
    activity: "Activity", activityLead: "Who did what to your account, from where.", activityOpen: "Open the log",
  },
  admin: {
    people: "People", search: "Search people", role: "Role", user: "User", admin: "Admin", active: "Active", inactive: "Deactivated", activate: "Activate", deactivate: "Deactivate", makeAdmin: "Make admin", makeUser: "Make user",
    you: "you", more: "Show more", none: "Nobody matches.", audit: "Audit log", when: "When", what: "What", who: "By", whom: "Account", from: "From", noEntries: "No entries.", denied: "This is for admins.", joined: (/** @type {string} */ s) => `Joined ${s}`,
  },
  errors: { offline: "The server does not answer. Check your connection and try again.", unknown: "Something went wrong. Try again.", tooMany: (/** @type {number} */ s) => `Too many tries. Try again in ${count(s, "second", "seconds")}.`, notFound: "There is nothing here.", home: "To your tasks", broken: "The page ran into an error.", reload: "Reload" },
  vocabulary: {
    on: "on|by|due|until", in: "in", at: "at", next: "next|this",
    /** @type {Record<string, string>} */
    priorities: { low: "low", medium: "medium", med: "medium", normal: "medium", high: "high", urgent: "urgent" },
    /** @type {Record<string, string>} */
    units: { minute: "minute", minutes: "minute", min: "minute", mins: "minute", hour: "hour", hours: "hour", hr: "hour", hrs: "hour", day: "day", days: "day", week: "week", weeks: "week", month: "month", months: "month" },
    /** @type {Record<string, string>} */
    days: { "day after tomorrow": "2", today: "0", tonight: "tonight", tomorrow: "1", tmrw: "1", tmr: "1", "next week": "nextWeek", "this weekend": "weekend", weekend: "weekend", "next month": "nextMonth" },
    /** @type {Record<string, number>} */
    weekdays: { sunday: 0, monday: 1, tuesday: 2, wednesday: 3, thursday: 4, friday: 5, saturday: 6 },
    /** @type {Record<string, number>} */
    shortWeekdays: { sun: 0, mon: 1, tue: 2, tues: 2, wed: 3, thu: 4, thur: 4, thurs: 4, fri: 5, sat: 6 },
    /** @type {Record<string, number>} */
    months: { january: 0, february: 1, march: 2, april: 3, may: 4, june: 5, july: 6, august: 7, september: 8, october: 9, november: 10, december: 11, jan: 0, feb: 1, mar: 2, apr: 3, jun: 5, jul: 6, aug: 7, sep: 8, sept: 8, oct: 9, nov: 10, dec: 11 },
    /** @type {Record<string, number>} */
    times: { noon: 720, midnight: 0 },
  },
};
