"""Three Portuguese letters to a clinic in São Paulo, which tell one story: an inflamed gallbladder.

The patient takes the medicines of the list, is examined by ultrasound and operated on; each letter
agrees with the other two on allergy, medicines and dates.
"""

from __future__ import annotations

from records.demo_letters.letter import Fact, Heading, Letter, Paragraph, Person, Table

FOOTER = "Carta fictícia, feita para demonstração. Não descreve nenhuma pessoa real."
HOSPITAL = (
    "Hospital Vale das Acácias",
    "Rua das Figueiras, 310, São Paulo, SP - Tel. (11) 5550-0199",
)


def _about(person: Person, date: str, *recipient: str) -> tuple[str, ...]:
    return (
        date,
        *recipient,
        f"Paciente: {person.name}, nascimento {person.date_of_birth:%d/%m/%Y}, "
        f"prontuário {person.record_number}",
    )


def imaging_report(person: Person) -> Letter:
    """An ultrasound examination of the abdomen."""
    return Letter(
        key="imaging_report",
        language="pt",
        document_type="imaging_report",
        title="Ultrassonografia de abdome total",
        sender=("Centro de Imagem Ipê Amarelo", "Alameda dos Jacarandás, 77, São Paulo, SP"),
        heading=_about(person, "10 de maio de 2025", "Solicitante: Dra. Lúcia Prado"),
        blocks=(
            Paragraph("Indicação: dor em hipocôndrio direito há dois dias, febre de 38,2 °C."),
            Heading("Achados"),
            Paragraph(
                "Fígado de dimensões normais, com aumento discreto e difuso da ecogenicidade. "
                "Vesícula biliar distendida, com parede de 5 mm e três cálculos móveis, o maior "
                "medindo 14 mm. Sinal de Murphy ecográfico presente. Colédoco com 4 mm, sem "
                "dilatação das vias biliares."
            ),
            Paragraph(
                "Pâncreas sem alterações nas porções visíveis; a cauda não foi avaliada por "
                "interposição gasosa. Baço homogêneo, com 10,2 cm. Rim direito normal. Rim "
                "esquerdo com cisto simples de 21 mm no polo superior. Aorta de calibre normal. "
                "Não há líquido livre."
            ),
            Heading("Conclusão"),
            Paragraph(
                "1. Colelitíase com sinais de colecistite aguda.\n"
                "2. Esteatose hepática leve (grau I).\n"
                "3. Cisto simples no rim esquerdo, sem necessidade de acompanhamento."
            ),
        ),
        signature=("Dr. Tomás Queiroz", "Radiologia e diagnóstico por imagem"),
        footer=FOOTER,
        facts=(
            Fact("Qual é o tamanho do maior cálculo?", "o maior medindo 14 mm"),
            Fact("Há cisto no rim?", "cisto simples de 21 mm no polo superior"),
            Fact("Qual era a espessura da parede da vesícula?", "parede de 5 mm"),
        ),
    )


def discharge_summary(person: Person) -> Letter:
    """The hospital reports on an admission with surgery."""
    return Letter(
        key="discharge_summary",
        language="pt",
        document_type="discharge_summary",
        title="Resumo de alta hospitalar",
        sender=HOSPITAL,
        heading=_about(person, "14 de maio de 2025", "À Dra. Lúcia Prado, Clínica Austa"),
        blocks=(
            Paragraph("Internação: 11/05/2025. Alta: 14/05/2025. Enfermaria de cirurgia geral."),
            Heading("Diagnóstico"),
            Paragraph("Colecistite aguda calculosa (CID-10 K80.0)."),
            Heading("Evolução"),
            Paragraph(
                "Admissão pelo pronto-socorro com dor em hipocôndrio direito, náuseas e febre. "
                "Leucócitos 14.200/mm3, proteína C reativa 86 mg/L, bilirrubina total 0,9 mg/dL, "
                "creatinina 0,8 mg/dL. Recebeu ceftriaxona e metronidazol por via endovenosa. A "
                "colecistectomia videolaparoscópica foi realizada em 12/05/2025, sem complicações "
                "e sem necessidade de dreno. O exame anatomopatológico está pendente."
            ),
            Heading("Alergias"),
            Paragraph(
                "Ácido acetilsalicílico: urticária em 2016. Dipirona e anti-inflamatórios foram "
                "evitados."
            ),
            Heading("Orientações na alta"),
            Paragraph(
                "Paracetamol 750 mg de 8 em 8 horas, se houver dor, por até cinco dias. Manter "
                "losartana 50 mg e levotiroxina 75 µg. A metformina 850 mg foi suspensa na "
                "internação e deve ser reiniciada em 16/05/2025."
            ),
            Paragraph(
                "Dieta leve e com pouca gordura por duas semanas. Não levantar mais de 5 kg por "
                "quatro semanas. Retorno ao ambulatório de cirurgia em 21/05/2025, às 9h30, para "
                "retirada dos pontos. Procurar o pronto-socorro em caso de febre, icterícia ou "
                "dor que não melhora."
            ),
        ),
        signature=("Dra. Beatriz Nóbrega", "Cirurgia geral"),
        footer=FOOTER,
        facts=(
            Fact("Quando foi a cirurgia da vesícula?", "foi realizada em 12/05/2025"),
            Fact("Quando reiniciar a metformina?", "deve ser reiniciada em 16/05/2025"),
            Fact("Qual é a alergia conhecida?", "Ácido acetilsalicílico: urticária em 2016"),
        ),
    )


def medication_list(person: Person) -> Letter:
    """What the patient takes, as a table."""
    return Letter(
        key="medication_list",
        language="pt",
        document_type="medication_list",
        title="Lista de medicamentos em uso",
        sender=("Clínica Austa", "Avenida das Paineiras, 1200, São Paulo, SP"),
        heading=_about(person, "26 de maio de 2025", "Revisão com a Dra. Lúcia Prado"),
        blocks=(
            Table(
                header=("Medicamento", "Dose", "Como tomar", "Motivo", "Desde"),
                rows=(
                    ("Losartana", "50 mg", "1 pela manhã", "pressão alta", "2019"),
                    ("Metformina", "850 mg", "1 no café, 1 no jantar", "diabetes tipo 2", "2021"),
                    ("Sinvastatina", "20 mg", "1 à noite", "colesterol", "2021"),
                    ("Levotiroxina", "75 µg", "1 em jejum", "hipotireoidismo", "2015"),
                    ("Paracetamol", "750 mg", "1 se houver dor", "dor", "2025"),
                ),
                widths=(0.2, 0.13, 0.32, 0.23, 0.12),
            ),
            Heading("Suspensos"),
            Paragraph(
                "Hidroclorotiazida 25 mg foi suspensa em fevereiro de 2025, por sódio de "
                "129 mmol/L. O controle em março mostrou sódio de 138 mmol/L."
            ),
            Heading("Alergias"),
            Paragraph("Ácido acetilsalicílico: urticária em 2016."),
            Heading("Observações"),
            Paragraph(
                "Tomar a levotiroxina 30 minutos antes do café da manhã. A hemoglobina glicada de "
                "maio foi de 6,8 %; a próxima coleta está prevista para agosto de 2025. A pressão "
                "em casa tem média de 128/79 mmHg."
            ),
        ),
        signature=("Dra. Lúcia Prado", "Clínica médica"),
        footer=FOOTER,
        facts=(
            Fact("Por que a hidroclorotiazida foi suspensa?", "por sódio de 129 mmol/L"),
            Fact("Qual foi a hemoglobina glicada de maio?", "6,8 %"),
            Fact("Como tomar a levotiroxina?", "30 minutos antes do café da manhã"),
        ),
    )


LETTERS = (imaging_report, discharge_summary, medication_list)
