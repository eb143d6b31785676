import{P as e,n as a}from"./chunk-MU25QUDT.js";var o=a(document.documentElement.dataset.mail==="off");async function s(i){try{await i()}catch(t){throw t instanceof e&&t.status===409&&t.detail.startsWith("This server cannot send mail")&&(o.value=!0),t}}export{o as a,s as b};
//# sourceMappingURL=chunk-CO22QO36.js.map
