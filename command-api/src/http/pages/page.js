// What a mailed link opens, and where logins by outside providers end. The token stands behind the #, which browsers send to
// nobody; it is used when a button is pressed, not by opening the page, so programs that look into mails use nothing up.
'use strict';

const TEXTS = {
  en: {
    verify: 'Is this your address? Then confirm it.',
    verifyButton: 'Confirm the address',
    verified: 'The address is confirmed. You can log in now.',
    reset: 'Choose a new password. All your sessions will end.',
    resetLabel: 'New password, at least 15 characters (8 with a second factor)',
    resetButton: 'Set the password',
    changed: 'The password is set. You can log in now.',
    void: 'This link was used, has expired or was replaced by a newer one. Get a link to set a new password:',
    forgot: 'Get a link by mail to set a new password.',
    forgotLabel: 'Your e-mail address',
    forgotButton: 'Send a link',
    sent: 'If the address is known, a link is on its way.',
    failed: 'That did not work. Try again in a moment.',
    entered: 'You are logged in.',
    handedOver: 'The login is done. Go back to the program that has asked for it.',
    secondStep: 'One more step: what does your authenticator show?',
    secondStepLabel: 'Code, 6 digits',
    secondStepButton: 'Log in',
    refused: 'You are not logged in.',
    reasons: {
      OIDC_LOGIN_VOID: 'This login was not begun in this browser, was finished before or took too long. Begin again.',
      OIDC_REFUSED: 'The provider has refused the login.',
      OIDC_NOT_BELIEVED: 'The answer of the provider does not hold. Begin again; if it stays so, tell an admin.',
      OIDC_UNAVAILABLE: 'The provider does not answer. Try again later, or log in in another way.',
      OIDC_EMAIL_NOT_VERIFIED: 'The provider does not vouch for your e-mail address.',
      OIDC_NO_ACCOUNT: 'There is no account for you here. Ask an admin for an invitation.',
      IDENTITY_CONFLICT: 'Your account here is linked to another account of this provider.',
      ACCOUNT_NOT_VERIFIED: 'Your address is not confirmed here. Open the link in the mail, or set a password first.',
      ACCOUNT_DEACTIVATED: 'Your account is deactivated. Ask an admin.',
    },
  },
  ko: {
    verify: '본인의 주소가 맞으면 확인해 주세요.',
    verifyButton: '주소 확인',
    verified: '주소가 확인되었습니다. 이제 로그인할 수 있습니다.',
    reset: '새 비밀번호를 정하세요. 모든 세션이 종료됩니다.',
    resetLabel: '새 비밀번호 (15자 이상, 2차 인증을 쓰면 8자 이상)',
    resetButton: '비밀번호 설정',
    changed: '비밀번호가 설정되었습니다. 이제 로그인할 수 있습니다.',
    void: '이미 사용했거나 만료되었거나 새 링크로 바뀐 링크입니다. 비밀번호를 새로 정할 링크를 받으세요.',
    forgot: '새 비밀번호를 정할 링크를 메일로 받으세요.',
    forgotLabel: '이메일 주소',
    forgotButton: '링크 보내기',
    sent: '등록된 주소라면 링크를 보냈습니다.',
    failed: '처리하지 못했습니다. 잠시 후 다시 시도하세요.',
    entered: '로그인되었습니다.',
    handedOver: '로그인이 끝났습니다. 요청한 프로그램으로 돌아가세요.',
    secondStep: '한 단계 남았습니다. 인증 앱에 표시된 코드를 입력하세요.',
    secondStepLabel: '코드 (6자리)',
    secondStepButton: '로그인',
    refused: '로그인되지 않았습니다.',
    reasons: {
      OIDC_LOGIN_VOID: '이 브라우저에서 시작하지 않았거나 이미 끝났거나 너무 오래 걸린 로그인입니다. 다시 시작하세요.',
      OIDC_REFUSED: '외부 로그인이 거부되었습니다.',
      OIDC_NOT_BELIEVED: '외부 로그인 응답을 믿을 수 없습니다. 다시 시작하고, 반복되면 관리자에게 알려 주세요.',
      OIDC_UNAVAILABLE: '외부 로그인 서버가 응답하지 않습니다. 나중에 다시 시도하거나 다른 방법으로 로그인하세요.',
      OIDC_EMAIL_NOT_VERIFIED: '외부 계정의 이메일 주소가 확인되지 않았습니다.',
      OIDC_NO_ACCOUNT: '계정이 없습니다. 관리자에게 초대를 요청하세요.',
      IDENTITY_CONFLICT: '이 계정에는 다른 외부 계정이 연결되어 있습니다.',
      ACCOUNT_NOT_VERIFIED: '이메일 주소가 확인되지 않은 계정입니다. 메일의 링크를 열거나 먼저 비밀번호를 정하세요.',
      ACCOUNT_DEACTIVATED: '비활성화된 계정입니다. 관리자에게 문의하세요.',
    },
  },
};

const link = new URLSearchParams(location.hash.slice(1));
history.replaceState(null, '', location.pathname);
const language = (link.get('lang') || navigator.language).startsWith('ko') ? 'ko' : 'en';
const texts = TEXTS[language];
const at = (id) => document.getElementById(id);

function show(message) {
  at('message').textContent = message;
}

function ask(message, label, input, button, submit) {
  document.documentElement.lang = language;
  show(message);
  at('form').hidden = false;
  at('label').textContent = label;
  at('label').hidden = at('input').hidden = !input;
  Object.assign(at('input'), { required: false, minLength: 0, value: '', type: 'text' }, input);
  at('button').textContent = button;
  at('form').onsubmit = async (event) => {
    event.preventDefault();
    at('button').disabled = true;
    await submit(at('input').value).catch(() => show(texts.failed));
    at('button').disabled = false;
  };
}

async function post(path, body, done) {
  const headers = { 'Content-Type': 'application/json', 'Accept-Language': language };
  const answer = await fetch('../v1/auth/' + path, { method: 'POST', headers, body: JSON.stringify(body) });
  if (answer.ok) {
    at('form').hidden = true;
    show(done);
    return;
  }
  const errors = (await answer.json()).errors || [];
  if (errors.some((error) => error.pointer === '/token')) {
    askForLink(texts.void);
  } else {
    show(errors.map((error) => error.detail).join(' ') || texts.failed);
  }
}

function askForLink(message) {
  const email = { type: 'email', required: true, autocomplete: 'email' };
  const send = (address) => post('password/forgot', { email: address }, texts.sent);
  ask(message, texts.forgotLabel, email, texts.forgotButton, send);
}

// Only reasons that we know are shown: anybody can make a link to this page.
function end() {
  document.documentElement.lang = language;
  const [problem, half] = [link.get('problem'), link.get('mfa_token')];
  if (problem) {
    show(Object.hasOwn(texts.reasons, problem) ? texts.reasons[problem] : texts.refused);
  } else if (half) {
    const code = { required: true, minLength: 6, autocomplete: 'one-time-code' };
    const finish = (code) => post('mfa', { mfa_token: half, code, refresh_cookie: true }, texts.entered);
    ask(texts.secondStep, texts.secondStepLabel, code, texts.secondStepButton, finish);
  } else {
    show(link.has('code') ? texts.handedOver : texts.entered);
  }
}

const token = link.get('token');
if (document.body.dataset.page === 'entered') {
  end();
} else if (!token) {
  askForLink(texts.forgot);
} else if (document.body.dataset.page === 'verify') {
  ask(texts.verify, '', null, texts.verifyButton, () => post('verify-email', { token }, texts.verified));
} else {
  const password = { type: 'password', required: true, minLength: 8, autocomplete: 'new-password' };
  const set = (chosen) => post('password/reset', { token, password: chosen }, texts.changed);
  ask(texts.reset, texts.resetLabel, password, texts.resetButton, set);
}
