package gateway

import (
	"net/http"

	"golang.org/x/text/language"

	"github.com/sparkoo/transfergate/internal/decision"
)

// This file is what the page of a denial says to people, in the languages in which the
// services publish their privacy statement. It says which kind of reason it was, never
// more than the problem document does.

// denialClass is the kind of a reason, as far as it matters to who is denied.
type denialClass int

// The classes.
const (
	classPlace       denialClass = iota // where data may go
	classChoice                         // what the person chose
	classAccount                        // what stands in the account
	classAuthority                      // what somebody else must have given
	classSignIn                         // the credential
	classRequest                        // the request itself
	classUnavailable                    // nothing is wrong with it
	classes
)

// classOf is the class of a reason, by default that of its status.
func classOf(reason decision.Reason) denialClass {
	switch reason {
	case decision.ProcessingRestricted, decision.ConsentWithdrawn, decision.PurposeObjected, decision.RecipientObjected, decision.OptOutSignal:
		return classChoice

	case decision.CountryUnknown, decision.CountryInvalid, decision.NoController, decision.AccountClosed, decision.AccountUnreadable, decision.MinorWithoutGuardian:
		return classAccount

	case decision.StaffWithoutSubject, decision.StaffUnknownRecipient, decision.StaffUnnamed, decision.StaffDenied, decision.TicketMissing, decision.ApprovalMissing,
		decision.ApprovalExpired, decision.InstructionMissing, decision.CaseMissing, decision.CaseExpired, decision.SupportNotAllowed:
		return classAuthority

	default:
		return classOfStatus(reason.Info().Status)
	}
}

func classOfStatus(status int) denialClass {
	switch {
	case status == http.StatusUnauthorized:
		return classSignIn
	case status == http.StatusTooEarly || status >= http.StatusInternalServerError:
		return classUnavailable
	case status == http.StatusForbidden:
		return classPlace
	default:
		return classRequest
	}
}

// sentence is what a page says of a class: a heading, and what it means.
type sentence struct{ heading, text string }

// denialTexts are the texts of one language.
type denialTexts struct {
	direction string // ltr or rtl
	classes   [classes]sentence

	reason, clause, record string // what the facts are called
	details                string // above what there is in English only
}

// denialLanguages are the languages of the page that comes with the gateway; English is
// the first, for who asks for none of them.
var denialLanguages = []language.Tag{
	language.English, language.Portuguese, language.Spanish, language.German, language.French,
	language.Turkish, language.Arabic, language.Chinese, language.Indonesian, language.Thai,
}

// textsIn are the texts in a language, in English if it is not among them.
func textsIn(tag language.Tag) *denialTexts {
	base, _ := tag.Base()
	if texts, ok := denialWords[base.String()]; ok {
		return texts
	}
	return denialWords["en"]
}

var denialWords = map[string]*denialTexts{
	"en": {"ltr", [classes]sentence{
		{"This request is not allowed", "The rules on where personal data may go do not allow it. It was not passed on."},
		{"You chose not to allow this", "A choice in your account, such as an objection or a withdrawn consent, stops this request. You can change it in your account's privacy settings."},
		{"Your account does not allow this", "What is on file for your account is incomplete or does not allow this request. Please contact support."},
		{"An authorisation is missing", "This needs an authorisation that was not given, has ended or does not fit. The request was not passed on."},
		{"Please sign in again", "Your sign-in is not valid, or it has expired."},
		{"This request cannot be processed", "The request was not sent in a form that is accepted here. Please go back and try another way."},
		{"Not available at the moment", "Nothing is wrong with your request. Please try again in a moment."},
	}, "Reason", "Clause of the privacy statement", "Number to name when you ask about it", "Details"},

	"pt": {"ltr", [classes]sentence{
		{"Este pedido não é permitido", "As regras sobre o destino dos dados pessoais não o permitem. O pedido não foi encaminhado."},
		{"Você optou por não permitir isto", "Uma escolha na sua conta, como uma oposição ou um consentimento retirado, impede este pedido. Você pode alterá-la nas configurações de privacidade da conta."},
		{"Sua conta não permite isto", "Os dados registrados da sua conta estão incompletos ou não permitem este pedido. Entre em contato com o suporte."},
		{"Falta uma autorização", "Isto exige uma autorização que não foi dada, terminou ou não se aplica. O pedido não foi encaminhado."},
		{"Entre novamente", "Seu acesso não é válido ou expirou."},
		{"Este pedido não pode ser processado", "O pedido não foi enviado numa forma aceita aqui. Volte e tente de outra maneira."},
		{"Indisponível no momento", "Não há nada de errado com o seu pedido. Tente novamente em instantes."},
	}, "Motivo", "Cláusula da declaração de privacidade", "Número a indicar se tiver perguntas", "Detalhes (em inglês)"},

	"es": {"ltr", [classes]sentence{
		{"Esta solicitud no está permitida", "Las normas sobre el destino de los datos personales no la permiten. La solicitud no se ha transmitido."},
		{"Usted decidió no permitirlo", "Una elección en su cuenta, como una oposición o un consentimiento retirado, impide esta solicitud. Puede cambiarla en los ajustes de privacidad de su cuenta."},
		{"Su cuenta no lo permite", "Los datos registrados de su cuenta están incompletos o no permiten esta solicitud. Póngase en contacto con el servicio de asistencia."},
		{"Falta una autorización", "Esto requiere una autorización que no se ha dado, ha vencido o no corresponde. La solicitud no se ha transmitido."},
		{"Inicie sesión de nuevo", "Su sesión no es válida o ha caducado."},
		{"Esta solicitud no se puede procesar", "La solicitud no se envió en una forma aceptada aquí. Vuelva atrás e inténtelo de otra manera."},
		{"No disponible en este momento", "Su solicitud es correcta. Inténtelo de nuevo en unos instantes."},
	}, "Motivo", "Cláusula de la declaración de privacidad", "Número que debe indicar si pregunta por ello", "Detalles (en inglés)"},

	"de": {"ltr", [classes]sentence{
		{"Diese Anfrage ist nicht erlaubt", "Die Regeln dafür, wohin personenbezogene Daten gelangen dürfen, lassen sie nicht zu. Sie wurde nicht weitergeleitet."},
		{"Sie haben das ausgeschlossen", "Eine Wahl in Ihrem Konto, etwa ein Widerspruch oder eine widerrufene Einwilligung, steht dieser Anfrage entgegen. Sie können sie in den Datenschutzeinstellungen Ihres Kontos ändern."},
		{"Ihr Konto lässt das nicht zu", "Die Angaben zu Ihrem Konto sind unvollständig oder lassen diese Anfrage nicht zu. Bitte wenden Sie sich an den Support."},
		{"Eine Genehmigung fehlt", "Dafür ist eine Genehmigung nötig, die nicht erteilt wurde, abgelaufen ist oder nicht passt. Die Anfrage wurde nicht weitergeleitet."},
		{"Bitte melden Sie sich neu an", "Ihre Anmeldung ist ungültig oder abgelaufen."},
		{"Diese Anfrage kann nicht bearbeitet werden", "Die Anfrage kam nicht in einer Form, die hier angenommen wird. Bitte gehen Sie zurück und versuchen Sie es anders."},
		{"Zurzeit nicht verfügbar", "Mit Ihrer Anfrage ist alles in Ordnung. Bitte versuchen Sie es gleich noch einmal."},
	}, "Grund", "Abschnitt der Datenschutzerklärung", "Nummer für Rückfragen", "Einzelheiten (auf Englisch)"},

	"fr": {"ltr", [classes]sentence{
		{"Cette demande n’est pas autorisée", "Les règles sur la destination des données personnelles ne la permettent pas. Elle n’a pas été transmise."},
		{"Vous avez choisi de ne pas l’autoriser", "Un choix dans votre compte, comme une opposition ou un consentement retiré, empêche cette demande. Vous pouvez le modifier dans les paramètres de confidentialité de votre compte."},
		{"Votre compte ne le permet pas", "Les informations de votre compte sont incomplètes ou ne permettent pas cette demande. Veuillez contacter l’assistance."},
		{"Il manque une autorisation", "Il faut pour cela une autorisation qui n’a pas été donnée, a expiré ou ne convient pas. La demande n’a pas été transmise."},
		{"Veuillez vous reconnecter", "Votre connexion n’est pas valable ou a expiré."},
		{"Cette demande ne peut pas être traitée", "La demande n’a pas été envoyée sous une forme acceptée ici. Veuillez revenir en arrière et essayer autrement."},
		{"Indisponible pour le moment", "Votre demande est correcte. Veuillez réessayer dans un instant."},
	}, "Motif", "Clause de la déclaration de confidentialité", "Numéro à indiquer pour toute question", "Détails (en anglais)"},

	"tr": {"ltr", [classes]sentence{
		{"Bu isteğe izin verilmiyor", "Kişisel verilerin nereye gidebileceğine ilişkin kurallar buna izin vermiyor. İstek iletilmedi."},
		{"Buna izin vermemeyi seçtiniz", "Hesabınızdaki bir tercih, örneğin bir itiraz veya geri çekilmiş bir rıza, bu isteği engelliyor. Bunu hesabınızın gizlilik ayarlarından değiştirebilirsiniz."},
		{"Hesabınız buna izin vermiyor", "Hesabınızla ilgili kayıtlar eksik veya bu isteğe izin vermiyor. Lütfen destek ekibine başvurun."},
		{"Bir yetki eksik", "Bunun için verilmemiş, süresi dolmuş veya uygun olmayan bir yetki gerekiyor. İstek iletilmedi."},
		{"Lütfen yeniden oturum açın", "Oturumunuz geçerli değil veya süresi doldu."},
		{"Bu istek işlenemiyor", "İstek, burada kabul edilen bir biçimde gönderilmedi. Lütfen geri dönüp başka bir yol deneyin."},
		{"Şu anda kullanılamıyor", "İsteğinizde bir sorun yok. Lütfen birazdan yeniden deneyin."},
	}, "Neden", "Gizlilik bildiriminin maddesi", "Sorarken belirtmeniz gereken numara", "Ayrıntılar (İngilizce)"},

	"ar": {"rtl", [classes]sentence{
		{"هذا الطلب غير مسموح به", "لا تسمح به القواعد التي تحدد أين يجوز أن تُنقل البيانات الشخصية. ولم يُمرَّر الطلب."},
		{"لقد اخترت عدم السماح بذلك", "يمنع هذا الطلبَ اختيارٌ في حسابك، مثل اعتراض أو موافقة مسحوبة. يمكنك تغييره في إعدادات الخصوصية في حسابك."},
		{"حسابك لا يسمح بذلك", "المعلومات المسجلة عن حسابك غير مكتملة أو لا تسمح بهذا الطلب. يُرجى الاتصال بفريق الدعم."},
		{"ينقص إذن لازم", "يتطلب هذا إذنًا لم يُمنح أو انتهت مدته أو لا يناسب الطلب. ولم يُمرَّر الطلب."},
		{"يُرجى تسجيل الدخول مرة أخرى", "تسجيل دخولك غير صالح أو انتهت مدته."},
		{"لا يمكن معالجة هذا الطلب", "لم يُرسل الطلب بصيغة مقبولة هنا. يُرجى الرجوع والمحاولة بطريقة أخرى."},
		{"غير متاح حاليًا", "لا توجد مشكلة في طلبك. يُرجى المحاولة مرة أخرى بعد لحظات."},
	}, "السبب", "البند في بيان الخصوصية", "الرقم الذي تذكره عند الاستفسار", "التفاصيل (بالإنجليزية)"},

	"zh": {"ltr", [classes]sentence{
		{"不允许此请求", "关于个人数据可以传输到何处的规则不允许此请求。该请求未被转发。"},
		{"您已选择不允许此操作", "您账号中的某项选择（例如反对或撤回同意）阻止了此请求。您可以在账号的隐私设置中更改。"},
		{"您的账号不允许此操作", "您账号的登记信息不完整，或不允许此请求。请联系客服支持。"},
		{"缺少授权", "此操作所需的授权未获批准、已过期或不适用。该请求未被转发。"},
		{"请重新登录", "您的登录无效或已过期。"},
		{"无法处理此请求", "该请求的发送形式不被接受。请返回并换一种方式重试。"},
		{"暂时无法使用", "您的请求没有问题。请稍后重试。"},
	}, "原因", "隐私声明条款", "咨询时请提供此编号", "详细信息（英文）"},

	"id": {"ltr", [classes]sentence{
		{"Permintaan ini tidak diizinkan", "Aturan tentang ke mana data pribadi boleh dikirim tidak mengizinkannya. Permintaan ini tidak diteruskan."},
		{"Anda memilih untuk tidak mengizinkannya", "Pilihan di akun Anda, misalnya keberatan atau persetujuan yang ditarik, mencegah permintaan ini. Anda dapat mengubahnya di pengaturan privasi akun."},
		{"Akun Anda tidak mengizinkannya", "Data yang tercatat untuk akun Anda tidak lengkap atau tidak mengizinkan permintaan ini. Silakan hubungi dukungan."},
		{"Izin yang diperlukan tidak ada", "Hal ini memerlukan izin yang belum diberikan, sudah berakhir, atau tidak sesuai. Permintaan ini tidak diteruskan."},
		{"Silakan masuk lagi", "Sesi masuk Anda tidak valid atau sudah kedaluwarsa."},
		{"Permintaan ini tidak dapat diproses", "Permintaan tidak dikirim dalam bentuk yang diterima di sini. Silakan kembali dan coba cara lain."},
		{"Tidak tersedia saat ini", "Tidak ada yang salah dengan permintaan Anda. Silakan coba lagi sebentar lagi."},
	}, "Alasan", "Klausul pernyataan privasi", "Nomor yang perlu disebutkan saat bertanya", "Rincian (dalam bahasa Inggris)"},

	"th": {"ltr", [classes]sentence{
		{"ไม่อนุญาตให้ดำเนินการตามคำขอนี้", "กฎว่าด้วยปลายทางของข้อมูลส่วนบุคคลไม่อนุญาตคำขอนี้ คำขอจึงไม่ถูกส่งต่อ"},
		{"คุณเลือกไม่อนุญาตสิ่งนี้", "ตัวเลือกในบัญชีของคุณ เช่น การคัดค้านหรือการถอนความยินยอม ทำให้ดำเนินการตามคำขอนี้ไม่ได้ คุณเปลี่ยนได้ในการตั้งค่าความเป็นส่วนตัวของบัญชี"},
		{"บัญชีของคุณไม่อนุญาตสิ่งนี้", "ข้อมูลที่บันทึกไว้ของบัญชีไม่ครบถ้วนหรือไม่อนุญาตคำขอนี้ โปรดติดต่อฝ่ายสนับสนุน"},
		{"ขาดการอนุมัติที่จำเป็น", "เรื่องนี้ต้องมีการอนุมัติ ซึ่งยังไม่ได้รับ หมดอายุแล้ว หรือไม่ตรงกับคำขอ คำขอจึงไม่ถูกส่งต่อ"},
		{"โปรดลงชื่อเข้าใช้อีกครั้ง", "การลงชื่อเข้าใช้ของคุณไม่ถูกต้องหรือหมดอายุแล้ว"},
		{"ไม่สามารถดำเนินการตามคำขอนี้ได้", "คำขอไม่ได้ส่งมาในรูปแบบที่ยอมรับที่นี่ โปรดย้อนกลับแล้วลองวิธีอื่น"},
		{"ไม่พร้อมใช้งานในขณะนี้", "คำขอของคุณไม่มีปัญหา โปรดลองอีกครั้งในอีกสักครู่"},
	}, "เหตุผล", "ข้อในคำชี้แจงสิทธิ์ส่วนบุคคล", "หมายเลขที่ใช้แจ้งเมื่อสอบถาม", "รายละเอียด (ภาษาอังกฤษ)"},
}
