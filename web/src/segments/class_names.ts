// SPDX-License-Identifier: Apache-2.0
// Chinese names of ADE20K's classes and further words by which a class is found, in the order of the indices.
// Each line: Chinese name | other Chinese words | other English words (comma-separated).

const LINES = `
墙|墙壁,墙面|walls
建筑|楼房,大楼,建筑物|edifice,architecture
天空|天,云|clouds,heaven
地板|地面|flooring,ground floor
树|树木,乔木|trees,wood
天花板|顶棚|roof inside
道路|马路,公路,街道|route,street,highway
床|床铺|bedroom
窗户|窗,窗玻璃|window,pane
草|草地,草坪|lawn,meadow
橱柜|柜子|cupboard
人行道|步道|pavement,footway
人|人物,人类,行人|human,man,woman,people,pedestrian,figure
土地|泥土,地面|ground,soil
门|房门|doors
桌子|餐桌|dining table
山|山脉,高山|mount,peak
植物|盆栽|flora,shrub,bush
窗帘|帘子|drape
椅子|座椅|seat
汽车|轿车,小车|auto,automobile
水|水面|pond,liquid
画|挂画,油画|picture,artwork
沙发|长沙发|couch,lounge
架子|搁板|rack
房屋|房子,住宅|home,cottage
海|大海,海洋|ocean
镜子|镜|looking glass
地毯|毯子|carpet,carpeting
田野|田地,农田|farmland,crop
扶手椅|单人沙发|easy chair
座位|座椅|bench seat
围栏|篱笆,栅栏|fencing,paling
书桌|办公桌|writing table
岩石|石头|stone,boulder
衣柜|衣橱|closet,press
灯|台灯,灯具|lights
浴缸|浴盆|bath,tub
栏杆|护栏|rail,barrier
靠垫|坐垫|pad
底座|基座|pedestal,stand
箱子|盒子|carton,package
柱子|圆柱|pillar
招牌|标志牌,广告牌|sign,billboard
五斗柜|抽屉柜|dresser,bureau,drawers
柜台|台面|desk counter
沙子|沙滩,沙|beach
水槽|洗手池,洗碗池|basin,washbasin
摩天大楼|高楼,摩天楼|high-rise,tower block
壁炉|火炉|hearth,open fireplace
冰箱|电冰箱|fridge,icebox
看台|观众席|stand,covered stand
小路|小径,路径|trail,footpath
楼梯|台阶|steps,staircase
跑道|机场跑道|airstrip
展柜|橱窗,陈列柜|display case,showcase,vitrine
台球桌|桌球台|billiard table,snooker
枕头|枕|bed pillow
纱门|屏风门|screen
楼梯间|楼梯|staircase,stairwell
河|河流,江|stream
桥|桥梁|span,overpass
书柜|书架|bookshelf
百叶窗|遮光帘|shade,shutter
茶几|咖啡桌|cocktail table
马桶|坐便器,厕所|lavatory,commode
花|花朵,鲜花|blossom
书|书本,书籍|volume
小山|丘陵,山坡|slope
长椅|长凳|park bench
厨房台面|操作台|worktop
炉灶|灶台,炉子|cooker,range
棕榈树|椰子树|palm tree
厨房岛台|中岛|island
电脑|计算机|pc,computing machine
转椅|办公椅|office chair
船|小船|rowboat,sailboat
吧台|酒吧|pub counter
街机|游戏机|slot machine,game machine
小屋|棚屋,茅屋|hut,shack,shanty
公共汽车|公交车,巴士|coach,omnibus
毛巾|浴巾|cloth
灯光|灯,光源|light source,fixture
卡车|货车|lorry,motortruck
塔|塔楼|spire
吊灯|枝形吊灯|pendant lamp,luster
遮阳篷|雨篷|sunshade
路灯|街灯|street lamp
展位|岗亭,亭子|cubicle,kiosk,stall
电视机|电视|tv,television,telly
飞机|客机|plane,aeroplane,aircraft
土路|泥路|dirt road
衣服|服装,衣物|clothes,clothing,wear
杆子|柱,旗杆|post,mast
陆地|土地|soil,terrain
楼梯扶手|扶手|banister,handrail
自动扶梯|电梯,扶梯|moving staircase
脚凳|软凳|pouf,hassock
瓶子|酒瓶|flask
餐具柜|自助餐台|sideboard,counter
海报|招贴画|placard,bill
舞台|讲台|platform
面包车|厢式车|minivan
轮船|大船,船舶|vessel
喷泉|喷水池|water jet
传送带|输送带|conveyor belt
华盖|天篷,顶篷|baldachin
洗衣机|洗涤机|washing machine
玩具|玩偶|toy
游泳池|泳池|pool,swimming bath
凳子|高脚凳|bar stool
桶|木桶|cask
篮子|筐|handbasket
瀑布|飞瀑|falls,cascade
帐篷|帐幕|marquee
包|袋子,手提包|handbag,sack
摩托车|电动车|motorbike,motorcycle
摇篮|婴儿床|cot,crib
烤箱|烤炉|stove oven
球|皮球|sphere
食物|食品|meal,dish
台阶|踏步|stair
水箱|储罐|storage tank
商标|品牌名|brand,logo,brand name
微波炉|微波|microwave oven
锅|花盆,罐|flowerpot,cooking pot
动物|牲畜,兽|beast,creature,dog,cat,horse
自行车|单车,脚踏车|bike,cycle
湖|湖泊|pond
洗碗机|洗碗|dish washer
屏幕|银幕|projection screen
毯子|被子|cover
雕塑|雕像|statue
抽油烟机|油烟机|exhaust hood,range hood
壁灯|墙灯|wall lamp
花瓶|瓶|jar
交通灯|红绿灯,信号灯|stoplight,traffic signal
托盘|盘|server
垃圾桶|垃圾箱|trash can,dustbin,garbage can,bin
风扇|电扇|ventilator
码头|栈桥|wharf,dock,jetty
显像管屏幕|CRT 屏幕|cathode ray tube,old monitor
盘子|碟子|dish
显示器|监视器|display,computer screen
公告板|布告栏|notice board,pinboard
淋浴|淋浴间,花洒|shower bath
暖气片|散热器|heater
玻璃杯|杯子|drinking glass,tumbler,cup
时钟|钟,钟表|watch
旗|旗帜|banner
`;

export interface ClassWords {
  zh: string;
  zhOther: string[];
  enOther: string[];
}

/** The words of each class, by index. */
export const CLASS_WORDS: readonly ClassWords[] = LINES.trim()
  .split("\n")
  .map((line) => {
    const [zh = "", zhOther = "", enOther = ""] = line.split("|");
    return { zh, zhOther: zhOther.split(",").filter(Boolean), enOther: enOther.split(",").filter(Boolean) };
  });
