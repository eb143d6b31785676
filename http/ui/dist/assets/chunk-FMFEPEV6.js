import{I as r,k as o}from"./chunk-SYLIJJEI.js";var s="taskwell.mail";function a(){try{return sessionStorage.getItem(s)==="off"}catch{return!1}}var i=o(a());async function c(e){try{await e()}catch(t){if(t instanceof r&&t.status===409&&t.detail.startsWith("Mail is off")){i.value=!0;try{sessionStorage.setItem(s,"off")}catch{}}throw t}}export{i as a,c as b};
//# sourceMappingURL=chunk-FMFEPEV6.js.map
