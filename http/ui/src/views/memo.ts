// Components that render again only if one of their props has changed.
import type { ComponentType } from "preact";
import { Component, createElement } from "preact";

function differ<P extends object>(a: P, b: P) {
  for (const name in a) {
    if (a[name] !== b[name]) {
      return true;
    }
  }
  return Object.keys(a).length !== Object.keys(b).length;
}

export function memo<P extends object>(Inner: ComponentType<P>) {
  return class Memo extends Component<P> {
    shouldComponentUpdate(next: Readonly<P>) {
      return differ(this.props, next);
    }
    render() {
      return createElement(Inner, this.props);
    }
  };
}
