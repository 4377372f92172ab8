// What a mailed link opens. The token stands behind the #, which browsers send to nobody; it is used when a button is
// pressed, not by opening the page, so programs that look into mails use nothing up.
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

const token = link.get('token');
if (!token) {
  askForLink(texts.forgot);
} else if (document.body.dataset.page === 'verify') {
  ask(texts.verify, '', null, texts.verifyButton, () => post('verify-email', { token }, texts.verified));
} else {
  const password = { type: 'password', required: true, minLength: 8, autocomplete: 'new-password' };
  const set = (chosen) => post('password/reset', { token, password: chosen }, texts.changed);
  ask(texts.reset, texts.resetLabel, password, texts.resetButton, set);
}
