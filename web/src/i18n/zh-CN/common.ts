// SPDX-License-Identifier: Apache-2.0
// Chinese: words that every screen uses.
export default {
  close: "关闭",
  cancel: "取消",
  apply: "应用",
  save: "保存",
  delete: "删除",
  undo: "撤销",
  retry: "重试",
  reset: "重置",
  more: "更多",
  less: "收起",
  messages: "消息",
  loading: "正在加载…",
  auto: "自动",
  none: "无",
  copied: "已复制",
  yes: "是",
  no: "否",
};
