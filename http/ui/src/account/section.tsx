// A section of the settings: title and description beside the fields.
import type { ComponentChildren } from "preact";

export function Section({
  title,
  lead,
  children,
  danger = false,
}: {
  title: string;
  lead?: string;
  children: ComponentChildren;
  danger?: boolean;
}) {
  return (
    <section class={danger ? "section danger" : "section"}>
      <div>
        <h2>{title}</h2>
        {lead && <p>{lead}</p>}
      </div>
      <div class="section-body">{children}</div>
    </section>
  );
}
